#include "base/base64.h"

#include <gtest/gtest.h>

namespace stack {
namespace {

// RFC 4648 section 10.
TEST(Base64, RfcExamplesRoundTrip) {
  const std::pair<const char*, const char*> kExamples[] = {{"", ""},
                                                           {"f", "Zg=="},
                                                           {"fo", "Zm8="},
                                                           {"foo", "Zm9v"},
                                                           {"foob", "Zm9vYg=="},
                                                           {"fooba", "Zm9vYmE="},
                                                           {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, encoded] : kExamples) {
    EXPECT_EQ(encode_base64(plain), encoded);
    EXPECT_EQ(*decode_base64(encoded), plain);
  }
}

TEST(Base64, EitherAlphabetWithOrWithoutPadding) {
  std::string bytes("\xfb\xff\xfe\0", 4);
  EXPECT_EQ(encode_base64(bytes), "+//+AA==");
  EXPECT_EQ(encode_base64url(bytes), "-__-AA==");
  for (const char* text : {"+//+AA==", "-__-AA==", "-__-AA"}) EXPECT_EQ(*decode_base64(text), bytes) << text;
}

TEST(Base64, OtherTextIsRejected) {
  for (const char* text : {"a", "abcde", "ab!d", "ab d", "=abc"}) EXPECT_FALSE(decode_base64(text)) << text;
}

}  // namespace
}  // namespace stack
