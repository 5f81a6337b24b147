// A command is one row: name, flags, help, and the function that runs it. commands.cpp lists all commands.
#pragma once

#include <limits>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "cli/flags/flags.h"

namespace stack::cli {

class Session;

struct Example {
  std::string_view line;     // "stack up -d"
  std::string_view meaning;  // "start everything in the background"
};

enum class Group { Project, Containers, Images, Objects, Engine, Other };

inline constexpr size_t kAnyNumber = std::numeric_limits<size_t>::max();

// Exit codes are documented in help.cpp ("stack help exit-codes").
inline constexpr int kExitError = 1;
inline constexpr int kExitUsage = 2;
inline constexpr int kExitInterrupted = 130;

struct Command {
  std::string_view name;                      // "up", "image ls"
  std::span<const std::string_view> aliases;  // whole names: "convert", "image list"
  Group group = Group::Project;
  std::string_view usage;    // text after the name: "[OPTIONS] [SERVICE...]"
  std::string_view summary;  // one line, without a period
  std::string_view details;  // more lines for --help, or ""
  std::span<const Example> examples;
  std::span<const Flag> flags;
  size_t least_words = 0;
  size_t most_words = kAnyNumber;
  bool stop_at_first_word = false;  // the words after the first form a separate command line
  bool words_are_services = false;  // for completion
  bool hidden = false;
  int usage_exit = kExitUsage;
  // Returns the exit code, or an error to print (exit code 1). An error with an empty text has already been printed.
  Result<int> (*run)(Session& session, const Arguments& arguments) = nullptr;
};

// An error whose message has already been printed.
inline Error already_said() { return Error(ErrorKind::Invalid, ""); }

}  // namespace stack::cli
