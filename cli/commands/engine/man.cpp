// `stack __man DIR`: called when a package is built.
#include "cli/flags/man.h"
#include "base/files.h"
#include "cli/flags/commands.h"
#include "cli/session/session.h"

namespace stack::cli {

namespace {

Result<int> run_man(Session& session, const Arguments& arguments) {
  std::string folder = absolute_path(session.current_directory(), arguments.words.front());
  TRY(ensure_directory(folder, 0755));
  for (const ManPage& page : all_man_pages()) TRY(write_file(folder + "/" + page.file_name, page.text, 0644));
  return 0;
}

}  // namespace

const Command kMan{
    .name = "__man",
    .aliases = {},
    .group = Group::Other,
    .usage = "DIR",
    .summary = "Write the manual pages",
    .details = "",
    .examples = {},
    .flags = {},
    .least_words = 1,
    .most_words = 1,
    .hidden = true,
    .run = run_man,
};

}  // namespace stack::cli
