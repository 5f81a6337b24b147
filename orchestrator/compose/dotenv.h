// Parser for .env files, env_file, and label_file. The grammar is the reference's (compose-go, dotenv/): NAME=value,
// NAME: value, NAME alone; comments; literal single quotes; double quotes with escapes; ${VARIABLES} outside single
// quotes.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "orchestrator/compose/interpolate.h"

namespace stack::compose {

struct DotenvLine {
  std::string name;
  std::optional<std::string> value;  // nullopt: NAME alone, and not set elsewhere
  uint32_t line = 0;
};

// Parses a registered source. Variables resolve in this order: `lookup`, earlier lines of this file, `before` (the
// variables of files read earlier). Reports errors and unset variables with their positions.
std::vector<DotenvLine> parse_dotenv(const Sources& sources, uint32_t file, const Lookup& lookup,
                                     Report& report, const Lookup& before = {});

// `format: raw`: NAME=value up to the end of the line, without quotes or expansion; whole-line comments.
std::vector<DotenvLine> parse_raw_env(const Sources& sources, uint32_t file, const Lookup& lookup,
                                      Report& report);

}  // namespace stack::compose
