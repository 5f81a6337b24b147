#include "engine/container/link_variables.h"

#include <gtest/gtest.h>

namespace stack::engine {
namespace {

TEST(LinkVariables, MatchDocker) {
  LinkTarget target{"172.17.0.2",
                    {"5432/tcp", "53/udp", "5432/tcp"},
                    {"PATH=/bin", "HOME=/", "USER=me", "EMPTY=", "UNSET"}};
  EXPECT_EQ(link_variables("web", "my-db", target), (std::vector<std::string>{
                                                        "MY_DB_NAME=/web/my-db",
                                                        "MY_DB_PORT=udp://172.17.0.2:53",
                                                        "MY_DB_PORT_53_UDP=udp://172.17.0.2:53",
                                                        "MY_DB_PORT_53_UDP_ADDR=172.17.0.2",
                                                        "MY_DB_PORT_53_UDP_PORT=53",
                                                        "MY_DB_PORT_53_UDP_PROTO=udp",
                                                        "MY_DB_PORT_5432_TCP=tcp://172.17.0.2:5432",
                                                        "MY_DB_PORT_5432_TCP_ADDR=172.17.0.2",
                                                        "MY_DB_PORT_5432_TCP_PORT=5432",
                                                        "MY_DB_PORT_5432_TCP_PROTO=tcp",
                                                        "MY_DB_ENV_USER=me",
                                                        "MY_DB_ENV_EMPTY=",
                                                    }));
}

TEST(LinkVariables, IncludeTheNameWithoutPorts) {
  EXPECT_EQ(link_variables("web", "db", {}), std::vector<std::string>{"DB_NAME=/web/db"});
}

}  // namespace
}  // namespace stack::engine
