// A TCP relay on the loopback interface to another port, which a test cuts: as a network that loses everything, or one that
// resets connections.
#pragma once

#include <atomic>
#include <thread>
#include <vector>

#include "base/fd.h"

namespace stack::beyond {

class Relay {
 public:
  explicit Relay(int target_port);
  ~Relay();
  int port() const { return port_; }
  // From now on, nothing passes in either direction; connections stay open.
  void lose() { lost_ = true; }
  // From now on, connections are closed.
  void reset() { reset_ = true; }

 private:
  void accept_all();
  void pass(Fd client);

  int target_port_;
  int port_ = 0;
  Fd listener_;
  std::atomic<bool> lost_{false}, reset_{false}, ended_{false};
  std::thread acceptor_;
  std::vector<std::thread> connections_;
};

// A port of the loopback interface that accepts connections and never answers.
class Silence {
 public:
  Silence() : relay_(0) { relay_.lose(); }
  int port() const { return relay_.port(); }

 private:
  Relay relay_;
};

}  // namespace stack::beyond
