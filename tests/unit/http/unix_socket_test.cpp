#include "http/wire/unix_socket.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/files.h"
#include "http/client/client.h"

namespace stack::http {
namespace {

class UnixSocketTest : public ::testing::Test {
 protected:
  TemporaryDirectory folder = std::move(*TemporaryDirectory::create("/tmp/stack-sock-"));
  std::string path = folder.path() + "/s.sock";
};

TEST_F(UnixSocketTest, SocketFileHasTheRequestedMode) {
  auto listening = listen_unix(path, 0600);
  ASSERT_TRUE(listening);
  struct stat info{};
  ASSERT_EQ(::stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0600U);
}

TEST_F(UnixSocketTest, StaleSocketIsReplaced) {
  {
    auto dead = listen_unix(path);
  }
  EXPECT_TRUE(listen_unix(path));
}

TEST_F(UnixSocketTest, LiveSocketIsAConflict) {
  auto live = listen_unix(path);
  auto second = listen_unix(path);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind(), ErrorKind::Conflict);
}

TEST_F(UnixSocketTest, OtherFilesAreNeverRemoved) {
  ASSERT_TRUE(write_file(path, "precious"));
  EXPECT_EQ(listen_unix(path).error().kind(), ErrorKind::Conflict);
  EXPECT_EQ(*read_file(path), "precious");
}

TEST_F(UnixSocketTest, AbsentAndDeadServersAreDistinguished) {
  EXPECT_EQ(Client::connect(path).error().kind(), ErrorKind::NotFound);
  {
    auto dead = listen_unix(path);
  }
  EXPECT_EQ(Client::connect(path).error().code(), ECONNREFUSED);
}

TEST_F(UnixSocketTest, NoInheritedSocketsWithoutTheVariables) {
  auto none = inherited_listeners();
  ASSERT_TRUE(none);
  EXPECT_TRUE(none->empty());
}

TEST_F(UnixSocketTest, InheritedSocketsOfAnotherProcessAreIgnored) {
  ::setenv("LISTEN_PID", "1", 1);
  ::setenv("LISTEN_FDS", "1", 1);
  EXPECT_TRUE(inherited_listeners()->empty());
  EXPECT_EQ(::getenv("LISTEN_FDS"), nullptr);
}

}  // namespace
}  // namespace stack::http
