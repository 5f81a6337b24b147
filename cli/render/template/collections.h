// Functions on lists, maps, and texts: index, slice, len.
#pragma once

#include "cli/render/template/functions.h"

namespace stack::text_template {

Result<Value> call_index(const Values& values);
Result<Value> call_slice(const Values& values);
Result<Value> call_len(const Values& values);

}  // namespace stack::text_template
