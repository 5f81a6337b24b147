// .env files, env_file and label_file.  The grammar is the reference's (compose-go, dotenv/): NAME=value,
// NAME: value, NAME alone; comments; single quotes literal, double quotes with escapes; ${VARIABLES} outside
// single quotes.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "orchestrator/compose/interpolate.h"

namespace stack::compose {

struct DotenvLine {
  std::string name;
  std::optional<std::string> value;  // nullopt: NAME alone and not set elsewhere
  uint32_t line = 0;
};

// Reads a registered source. `lookup` answers for variables that earlier lines of this file do not set; what
// it answers has precedence over earlier lines, and they over `before`: what files read before it set. Errors
// and unset variables go to the report with their place.
std::vector<DotenvLine> parse_dotenv(const Sources& sources, uint32_t file, const Lookup& lookup,
                                     Report& report, const Lookup& before = {});

// `format: raw`: NAME=value up to the end of the line, nothing quoted, nothing expanded; whole-line comments.
std::vector<DotenvLine> parse_raw_env(const Sources& sources, uint32_t file, const Lookup& lookup,
                                      Report& report);

}  // namespace stack::compose
