// Help texts, generated from the command and flag tables.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "cli/flags/command.h"

namespace stack::cli {

// The overview: examples, commands by group, global flags.
std::string program_help(bool color);
std::string command_help(const Command& command, bool color);
// The commands that begin with this word: "image".
std::string family_help(std::string_view word, bool color);

struct Topic {
  std::string_view name;
  std::string_view summary;
  std::string_view text;
};
// "exit-codes", "environment", "files".
std::span<const Topic> help_topics();

}  // namespace stack::cli
