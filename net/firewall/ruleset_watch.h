// Detects firewall changes by other programs: "systemctl reload nftables" flushes all rules; Docker, ufw, and firewalld
// rewrite their chains.
#pragma once

#include <string>

#include "base/fd.h"
#include "base/result.h"
#include "net/link/host.h"

namespace stack::net {

struct RulesetChanges {
  bool own_table_changed = false;       // by another program: Firewall::reset_to() is required
  bool foreign_chains_changed = false;  // open_foreign_chains() is required
};

// Listens to nf_tables notifications (NFNLGRP_NFTABLES) in the host's namespace. For an event loop: wait until fd() is
// readable, then call drain(). Changes over `host` are not reported.
class RulesetWatch {
 public:
  static Result<RulesetWatch> open(Host& host, const std::string& our_table);

  int fd() const { return fd_.get(); }  // non-blocking
  // Reads all pending notifications. Lost notifications set both members.
  Result<RulesetChanges> drain();

 private:
  RulesetWatch(Fd fd, std::string table, uint32_t own_port)
      : fd_(std::move(fd)), table_(std::move(table)), own_port_(own_port) {}
  void read(const nlmsghdr& header, RulesetChanges& changes) const;
  Fd fd_;
  std::string table_;
  uint32_t own_port_;
};

}  // namespace stack::net
