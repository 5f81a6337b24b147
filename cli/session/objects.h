// Functions shared by the commands on single images, volumes, and networks.
#pragma once

#include <string>
#include <vector>

#include "cli/session/session.h"

namespace stack::cli {

// Sends GET prefix + NAME + suffix for each name. Prints one JSON array, like `docker inspect`, or one line each with
// --format; `go_type` is the answer's type in cli/render/template/docker_schema.cpp. Continues after a name that does not exist and then returns exit code 1.
Result<int> inspect_objects(Session& session, const Arguments& arguments, std::string_view go_type,
                            const std::string& prefix, const std::string& suffix = {});
// Sends DELETE for each name and prints the names removed. Continues after failures and then returns exit code 1.
Result<int> remove_objects(Session& session, const Arguments& arguments, const std::string& prefix,
                           const std::string& query = {});
// Removes the objects `names` after a question, which --force skips; with --dry-run, only prints them.
Result<int> prune_objects(Session& session, const Arguments& arguments, std::vector<std::string> names,
                          const std::string& prefix);
// Converts "K=V" words to an object.
Json pairs_of(const std::vector<std::string>& given);
// Converts --filter KEY=VALUE words to Docker's `filters` parameter with a leading "?"; "" if there are none.
Result<std::string> filters_query(const std::vector<std::string>& given);
// Prints rows according to --format ("table" uses the given header and members), or only the member `name` with -q.
Result<int> print_rows(const Arguments& arguments, const std::vector<Json>& rows,
                       const std::vector<std::string>& header, const std::vector<std::string>& members,
                       const std::string& name);

}  // namespace stack::cli
