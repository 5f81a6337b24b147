// JSON of a value, as Go's encoding/json writes it: fields in declared order, keys of maps sorted.
#pragma once

#include <string>

#include "cli/render/template/value.h"

namespace stack::text_template {

std::string json_text(const Value& value);

}  // namespace stack::text_template
