// The --flags of instructions, and the comma-separated options of --mount.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "images/builder/frontend/dockerfile.h"

namespace stack::builder {

class Flags {
 public:
  // `known`: names without "--"; a trailing '*' allows repetition, a trailing '?' makes it a boolean.
  // Errors: unknown (with a suggestion), duplicate, missing value.
  static Result<Flags> parse(const Instruction& instruction, const std::vector<std::string>& known);

  std::optional<std::string> find(const std::string& name) const;
  std::string value(const std::string& name) const { return find(name).value_or(""); }
  std::vector<std::string> all(const std::string& name) const;
  bool is_on(const std::string& name) const { return value(name) == "true"; }

 private:
  std::multimap<std::string, std::string> values_;
};

// The flags an instruction may have, by keyword.
const std::vector<std::string>& known_flags(const std::string& keyword);

enum class MountType { Bind, Cache, Tmpfs, Secret, Ssh };

// RUN --mount=type=...
struct MountOptions {
  MountType type = MountType::Bind;
  std::string from;
  std::string source;
  std::string target;
  std::string id;
  std::string sharing = "shared";
  std::string env;  // secrets: name of the variable, "" = a file
  std::optional<uint32_t> mode;
  uint32_t uid = 0;
  uint32_t gid = 0;
  int64_t size = 0;
  bool required = false;
  bool read_only = true;
};

Result<MountOptions> parse_mount(std::string_view text);

// Checks the number and shape of the instruction's arguments. This happens before anything is run, so that an error
// in the last line is not reported an hour later.
Result<> check_instruction(const Instruction& instruction);

}  // namespace stack::builder
