// --json, and --format as its longer form, for commands whose output is text.
#pragma once

#include <string>

#include "cli/flags/flags.h"

namespace stack::cli {

inline constexpr Flag kTextFormatFlag{0, "format", FlagArity::Value, "FORMAT", "text (default) or json"};

// Whether --json or --format json was given; Invalid for other formats than text and json.
inline Result<bool> wants_json(const Arguments& arguments) {
  const std::string format = arguments.text("format", arguments.is_set("json") ? "json" : "text");
  if (format == "json" || format == "text") return format == "json";
  return invalid("invalid value \"" + format + "\" for --format: must be text or json");
}

}  // namespace stack::cli
