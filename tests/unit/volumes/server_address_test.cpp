#include "volumes/server_address.h"

#include <gtest/gtest.h>

namespace stack::volumes {
namespace {

TEST(ServerAddress, DeviceNamesItsServer) {
  EXPECT_EQ(server_of("files:/export"), "files");
  EXPECT_EQ(server_of("10.0.0.1:/export/a:b"), "10.0.0.1");
  EXPECT_EQ(server_of("[fd00::1]:/export"), "fd00::1");
  EXPECT_EQ(server_of("//nas.local/share/folder"), "nas.local");
  EXPECT_EQ(server_of(":/export"), "");
  EXPECT_EQ(server_of("tmpfs"), "");
}

TEST(ServerAddress, MissingAddressComesFromTheDevice) {
  EXPECT_EQ(with_server_address("10.0.0.1:/export", "rw,nfsvers=4").value(), "rw,nfsvers=4,addr=10.0.0.1");
  EXPECT_EQ(with_server_address("[fd00::1]:/export", "").value(), "addr=fd00::1");
}

TEST(ServerAddress, NameIsResolved) {
  EXPECT_EQ(with_server_address(":/export", "addr=localhost,rw").value().find("localhost"), std::string::npos);
  EXPECT_EQ(with_server_address(":/export", "addr=10.1.2.3,rw").value(), "addr=10.1.2.3,rw");
}

TEST(ServerAddress, NoServerAtAllIsAnError) {
  Result<std::string> options = with_server_address(":/export", "rw");
  ASSERT_FALSE(options);
  EXPECT_NE(options.error().text().find("addr="), std::string::npos);
}

}  // namespace
}  // namespace stack::volumes
