// Completions for a command line.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "cli/flags/flags.h"

namespace stack::cli {

// Names known only at run time; queried only when they can follow.
struct CompletionSources {
  std::function<std::vector<std::string>(const Arguments& globals)> services;
  std::function<std::vector<std::string>()> projects;
  std::function<std::vector<std::string>(const Arguments& globals)> profiles;
  // Names of existing objects: "image", "volume", or "network".
  std::function<std::vector<std::string>(std::string_view kind)> objects;
};

// `words` is the command line without the program; the last word is being typed and may be "". Each result is
// "WORD" or "WORD\tDESCRIPTION" and begins with the last word. An empty result means that file names may follow.
std::vector<std::string> completions(std::span<const std::string> words, const CompletionSources& sources);

}  // namespace stack::cli
