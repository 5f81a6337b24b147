// Text output for programs without a standard library: appends to a buffer of fixed size.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace stack::runtime {

inline size_t length_of(const char* text) {
  size_t n = 0;
  while (text[n] != '\0') ++n;
  return n;
}

inline bool same_text(const char* left, const char* right) {
  while (*left != '\0' && *left == *right) {
    ++left;
    ++right;
  }
  return *left == *right;
}

// Appends while there is room and drops the rest.
class TextWriter {
 public:
  TextWriter(char* to, size_t size) : to_(to), size_(size) {}

  TextWriter& add(char c) {
    if (used_ < size_) to_[used_++] = c;
    return *this;
  }
  TextWriter& add(const char* text) {
    while (*text != '\0') add(*text++);
    return *this;
  }
  TextWriter& number(int64_t value) {
    if (value < 0) {
      add('-');
      value = -value;
    }
    return digits(static_cast<uint64_t>(value), 1);
  }
  // At least `width` digits.
  TextWriter& digits(uint64_t value, int width) {
    char reversed[20];
    int n = 0;
    do {
      reversed[n++] = static_cast<char>('0' + value % 10);
      value /= 10;
    } while (value != 0);
    while (n < width) reversed[n++] = '0';
    while (n > 0) add(reversed[--n]);
    return *this;
  }
  // Ends the text for use as a C string.
  const char* done() {
    if (used_ < size_) {
      to_[used_] = '\0';
    } else {
      to_[size_ - 1] = '\0';
    }
    return to_;
  }
  size_t used() const { return used_; }

 private:
  char* to_;
  size_t size_;
  size_t used_ = 0;
};

}  // namespace stack::runtime
