// Noticing that somebody else changed the firewall: "systemctl reload nftables" flushes everybody's rules,
// Docker, ufw and firewalld write their chains anew.
#pragma once

#include <string>

#include "base/fd.h"
#include "base/result.h"
#include "net/link/host.h"

namespace stack::net {

struct RulesetChanges {
  bool own_table_removed = false;       // Firewall::reset_to() is due
  bool foreign_chains_changed = false;  // open_foreign_chains() is due
};

// Listens to nf_tables' notifications (NFNLGRP_NFTABLES) in the host's namespace. For an event loop: wait
// until fd() is readable, then drain(). What this engine does itself is reported as well where it looks
// alike: a reset_to() removes and makes the table in one transaction, which is not reported; remove_table()
// is.
class RulesetWatch {
 public:
  static Result<RulesetWatch> open(Host& host, const std::string& our_table);

  int fd() const { return fd_.get(); }  // non-blocking
  // Reads all that is there. Lost notifications count as both.
  Result<RulesetChanges> drain();

 private:
  RulesetWatch(Fd fd, std::string table) : fd_(std::move(fd)), table_(std::move(table)) {}
  Fd fd_;
  std::string table_;
};

}  // namespace stack::net
