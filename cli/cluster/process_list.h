// `ps` and `port` on a cluster; shared by all targets.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "cli/session/session.h"

namespace stack::cli::cluster {

// How long ago an RFC 3339 time was, as `ps` shows it; "" for another text.
std::string age_text(const std::string& created);

// What `ps` prints.
struct ProcessList {
  std::vector<Json> rows = {};
  std::string names = {};               // for --quiet, a line each
  std::set<std::string> services = {};  // for --services
};

// `columns` are members of the rows, whose names in capitals are the titles of the table ("RunningFor": CREATED).
Result<int> print_processes(const Arguments& arguments, const ProcessList& list,
                            const std::vector<std::string>& columns);

// "53/udp" of the words and options of `port`.
Result<std::string> wanted_port(const Arguments& arguments);

}  // namespace stack::cli::cluster
