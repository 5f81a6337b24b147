// Random identifiers and content digests.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace stack {

// 64 lowercase hexadecimal digits from getrandom(2), for container, network, and exec IDs.
std::string random_id();
// `bytes` random bytes in hexadecimal.
std::string random_hex(size_t bytes);

// SHA-256 as 64 lowercase hexadecimal digits, without the "sha256:" prefix.
std::string sha256_hex(std::string_view bytes);

// Incremental SHA-256.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;
  void update(std::string_view bytes);
  // The digest of all bytes so far; the object cannot be used afterward.
  std::string finish_hex();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace stack
