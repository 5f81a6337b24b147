#include "cli/session/ssh_connection.h"

#include <gtest/gtest.h>

namespace stack::cli {
namespace {

using Words = std::vector<std::string>;

TEST(SshConnection, UrlsBecomeArguments) {
  EXPECT_EQ(*ssh_arguments("ssh://server"), (Words{"-T", "--", "server", "stack", "__dial"}));
  EXPECT_EQ(*ssh_arguments("ssh://me@server:2222/"),
            (Words{"-T", "-p", "2222", "-l", "me", "--", "server", "stack", "__dial"}));
  EXPECT_EQ(*ssh_arguments("ssh://[2001:db8::1]:22"),
            (Words{"-T", "-p", "22", "--", "2001:db8::1", "stack", "__dial"}));
}

TEST(SshConnection, WhatSshWouldTakeForAnOptionIsRefused) {
  for (const char* url : {"ssh://", "ssh://-oProxyCommand=x", "ssh://-l@host", "ssh://host/path",
                          "ssh://host:ssh", "ssh://me:password@host", "ssh://[::1"})
    EXPECT_FALSE(ssh_arguments(url)) << url;
}

}  // namespace
}  // namespace stack::cli
