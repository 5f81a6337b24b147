// How often a request is repeated because its engine died.
#pragma once

#include "base/result.h"

namespace stack::cli {

class Reconnects {
 public:
  // An engine that dies this often while it serves one request will not recover by itself.
  static constexpr int kMost = 20;
  // A living engine that breaks off a transfer, for example of a damaged image, would do so each time.
  static constexpr int kMostTransfers = 3;

  explicit Reconnects(int most = kMost) : most_(most) {}

  // Whether to repeat the request that failed with this error: its connection broke, and not too often so far.
  bool allow(const Error& error);
  // The same for an answer that ended early.
  bool allow_another() { return count_++ < most_; }
  // Forgets the earlier failures, because the request made progress.
  void reset() { count_ = 0; }

 private:
  int most_;
  int count_ = 0;
};

// Repeats a request that can begin again from the start.
template <typename Request>
auto repeated(Request request, int most = Reconnects::kMost) {
  for (Reconnects reconnects(most);;) {
    auto answer = request();
    if (answer || !reconnects.allow(answer.error())) return answer;
  }
}

}  // namespace stack::cli
