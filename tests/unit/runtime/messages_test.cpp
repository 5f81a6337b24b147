// The engine's side of the protocol with arbitrary input.
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <cstring>

#include "runtime/monitor/client.h"
#include "runtime/monitor/wire.h"

namespace stack::runtime {
namespace {

template <typename T>
std::string bytes_of(const T& message) {
  return {reinterpret_cast<const char*>(&message), sizeof(message)};
}

TEST(Messages, ExitIsDecoded) {
  wire::ExitedMessage message;
  message.header.type = wire::kExited;
  message.status.exit_code = 137;
  message.status.signal = 9;
  message.status.oom_killed = 1;
  message.status.status_known = 1;
  message.status.finished_at_ns = 1'500'000'000'000'000'000;
  Result<Message> decoded = decode_message(bytes_of(message), {});
  ASSERT_TRUE(decoded.has_value());
  const Exited& exited = std::get<Exited>(*decoded);
  EXPECT_EQ(exited.exit_code, 137);
  EXPECT_TRUE(exited.oom_killed);
  EXPECT_EQ(exited.finished_at.time_since_epoch(), std::chrono::seconds(1'500'000'000));
}

TEST(Messages, FailureWithMissingWordsIsStillAFailure) {
  wire::FailedMessage message;
  message.header.type = wire::kFailed;
  message.exit_code = 126;
  Result<Message> decoded = decode_message(bytes_of(message) + "exec", {});
  ASSERT_TRUE(decoded.has_value());
  EXPECT_EQ(std::get<Failed>(*decoded).step, "exec");
  EXPECT_EQ(std::get<Failed>(*decoded).text, "");
}

TEST(Messages, HelloWithMoreNamesThanDescriptorsGivesEmptyOnes) {
  wire::HelloMessage message;
  message.header.type = wire::kHello;
  message.header.fd_bits = wire::kPidfd | wire::kNetns;
  std::memset(message.id, 'x', sizeof(message.id));  // not terminated
  Result<Message> decoded = decode_message(bytes_of(message) + std::string("a\0b\0", 4), {});
  ASSERT_TRUE(decoded.has_value());
  const Hello& hello = std::get<Hello>(*decoded);
  EXPECT_EQ(hello.container_id.size(), wire::kIdSize);
  ASSERT_EQ(hello.held_fds.size(), 2u);
  EXPECT_FALSE(hello.held_fds[0].fd);
  EXPECT_FALSE(hello.pidfd);
}

TEST(Messages, EmptyMeansClosed) { EXPECT_TRUE(std::holds_alternative<Closed>(*decode_message("", {}))); }

TEST(Messages, ShortForeignAndUnknownOnesAreErrors) {
  EXPECT_FALSE(decode_message("x", {}).has_value());
  wire::Header header;
  header.type = 999;
  EXPECT_FALSE(decode_message(bytes_of(header), {}).has_value());
  header.magic = 1;
  header.type = wire::kOomKilled;
  EXPECT_FALSE(decode_message(bytes_of(header), {}).has_value());
}

TEST(Messages, EveryTypeSurvivesEveryLength) {
  for (unsigned type = 0; type < 130; ++type) {
    for (size_t size = 0; size < 300; ++size) {
      wire::Header header;
      header.type = static_cast<uint16_t>(type);
      header.fd_bits = ~0U;
      std::string bytes = bytes_of(header) + std::string(300, '\x41');
      (void)decode_message(bytes.substr(0, size), {});
    }
  }
}

TEST(Messages, MissingMessageIsNotAnError) {
  SocketPair pair = std::move(*make_socket_pair(SOCK_SEQPACKET));
  ASSERT_TRUE(set_nonblocking(pair.ours.get(), true).has_value());
  Result<std::optional<Message>> none = receive_message(pair.ours.get());
  ASSERT_TRUE(none.has_value());
  EXPECT_FALSE(*none);
  pair.theirs.reset();
  Result<std::optional<Message>> closed = receive_message(pair.ours.get());
  ASSERT_TRUE(closed.has_value() && *closed);
  EXPECT_TRUE(std::holds_alternative<Closed>(**closed));
}

TEST(Messages, InvalidHeldNamesAreRejectedBeforeSending) {
  SocketPair pair = std::move(*make_socket_pair(SOCK_SEQPACKET));
  EXPECT_FALSE(send_hold(pair.ours.get(), {{"", 0}}).has_value());
  EXPECT_FALSE(send_hold(pair.ours.get(), {{std::string(wire::kNameSize, 'n'), 0}}).has_value());
  EXPECT_FALSE(send_hold(pair.ours.get(), {{"n", -1}}).has_value());
}

}  // namespace
}  // namespace stack::runtime
