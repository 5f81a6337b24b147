// Comparisons: eq, ne, lt, le, gt, ge.
#pragma once

#include "cli/render/template/functions.h"

namespace stack::text_template {

Result<Value> call_eq(const Values& values);
Result<Value> call_ne(const Values& values);
Result<Value> call_lt(const Values& values);
Result<Value> call_le(const Values& values);
Result<Value> call_gt(const Values& values);
Result<Value> call_ge(const Values& values);

}  // namespace stack::text_template
