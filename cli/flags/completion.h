// What can follow on the command line.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "cli/flags/flags.h"

namespace stack::cli {

// Names that only the surroundings know; asked for only when they can follow.
struct CompletionSources {
  std::function<std::vector<std::string>(const Arguments& globals)> services;
  std::function<std::vector<std::string>()> projects;
};

// `words` is the command line without the program; the last one is being typed (it may be ""). Each answer is
// "WORD" or "WORD\tDESCRIPTION" and begins with what was typed. None: file names may follow.
std::vector<std::string> completions(std::span<const std::string> words, const CompletionSources& sources);

}  // namespace stack::cli
