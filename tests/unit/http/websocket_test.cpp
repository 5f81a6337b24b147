#include "http/wire/websocket.h"

#include <gtest/gtest.h>

namespace stack::http {
namespace {

// A client's frame with the mask of RFC 6455's own example.
std::string masked(unsigned first, std::string payload) {
  const std::string mask("\x37\xfa\x21\x3d", 4);
  std::string out{static_cast<char>(first)};
  if (payload.size() < 126) {
    out += static_cast<char>(0x80U | payload.size());
  } else {
    out += static_cast<char>(0xfe);
    out += static_cast<char>(payload.size() >> 8);
    out += static_cast<char>(payload.size());
  }
  for (size_t i = 0; i < payload.size(); ++i) payload[i] ^= mask[i % 4];
  return out + mask + payload;
}

TEST(WebSocket, HandshakeMatchesTheRfcsExample) {
  EXPECT_EQ(websocket_accept("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

TEST(WebSocket, FramesHaveLengthsOfThreeSizes) {
  EXPECT_EQ(websocket_frame(WebSocketOpcode::Text, "Hello"), "\x81\x05Hello");
  EXPECT_EQ(websocket_frame(WebSocketOpcode::Binary, std::string(256, 'x')).substr(0, 4),
            std::string("\x82\x7e\x01\x00", 4));
  EXPECT_EQ(websocket_frame(WebSocketOpcode::Binary, std::string(65536, 'x')).substr(0, 10),
            std::string("\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00", 10));
}

TEST(WebSocket, MessagesAreReadForAnySplit) {
  std::string bytes = masked(0x81, "Hello") + masked(0x02, "in ") + masked(0x89, "ping") +
                      masked(0x80, "pieces") + masked(0x82, std::string(300, 'x'));
  ASSERT_EQ(masked(0x81, "Hello"), std::string("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", 11));
  for (size_t step : {size_t{1}, size_t{3}, bytes.size()}) {
    WebSocketReader reader;
    std::string data;
    std::string answer;
    for (size_t at = 0; at < bytes.size(); at += step) {
      auto received = reader.take(std::string_view(bytes).substr(at, step));
      ASSERT_TRUE(received) << received.error().text();
      data += received->data;
      answer += received->answer;
      EXPECT_FALSE(received->closed);
    }
    EXPECT_EQ(data, "Helloin pieces" + std::string(300, 'x')) << step;
    EXPECT_EQ(answer, "\x8a\x04ping") << step;
  }
}

TEST(WebSocket, CloseIsAnsweredAndEndsTheReading) {
  WebSocketReader reader;
  auto received = reader.take(masked(0x88, "\x03\xe8 bye") + masked(0x81, "late"));
  ASSERT_TRUE(received) << received.error().text();
  EXPECT_TRUE(received->closed);
  EXPECT_EQ(received->data, "");
  EXPECT_EQ(received->answer, "\x88\x02\x03\xe8");
}

TEST(WebSocket, InvalidClientFramesAreRejected) {
  for (const std::string& bad : {std::string("\x81\x05Hello"), masked(0x83, "x"), masked(0x09, "x"),
                                 masked(0xc1, "x"), masked(0x89, std::string(126, 'x'))})
    EXPECT_FALSE(WebSocketReader().take(bad));
}

}  // namespace
}  // namespace stack::http
