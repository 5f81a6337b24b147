// What the commands on single images, volumes and networks have in common.
#pragma once

#include <string>
#include <vector>

#include "cli/session/session.h"

namespace stack::cli {

// GET prefix + NAME + suffix for each name; prints one JSON array, as `docker inspect` does, or with --format
// one line each. Goes on after a name that does not exist; then the exit code is 1.
Result<int> inspect_objects(Session& session, const Arguments& arguments, const std::string& prefix,
                            const std::string& suffix = {});
// DELETE for each name, which is printed when it is gone. Goes on after failures; then the exit code is 1.
Result<int> remove_objects(Session& session, const Arguments& arguments, const std::string& prefix,
                           const std::string& query = {});
// "K=V" words as an object.
Json pairs_of(const std::vector<std::string>& given);
// --filter KEY=VALUE words as Docker's `filters` parameter, with its "?"; "" for none.
Result<std::string> filters_query(const std::vector<std::string>& given);
// Prints rows by --format ("table": with the given header and members), or with -q the member `name`.
Result<int> print_rows(const Arguments& arguments, const std::vector<Json>& rows,
                       const std::vector<std::string>& header, const std::vector<std::string>& members,
                       const std::string& name);

}  // namespace stack::cli
