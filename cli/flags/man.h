// Manual pages in the man(7) format, generated from the command, flag, topic, and attribute tables.
#pragma once

#include <string>
#include <vector>

#include "cli/flags/command.h"

namespace stack::cli {

struct ManPage {
  std::string file_name;  // "stack-image-ls.1"
  std::string text;
};

// `text` as it must be written in a page: backslashes, hyphens, and control characters at the start of a line.
std::string man_escape(std::string_view text);

ManPage command_man_page(const Command& command);
// stack(1), a page for each command, and stack-compose(5).
std::vector<ManPage> all_man_pages();

}  // namespace stack::cli
