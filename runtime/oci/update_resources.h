// The flags of `update` as an OCI linux.resources object.
#pragma once

#include "base/json.h"
#include "base/result.h"
#include "runtime/oci/command.h"

namespace stack::runtime::oci {

std::span<const Flag> update_flags();

// The file of --resources ("-": standard input) overridden by the other flags. Sizes may end in k, m, g or
// t.
Result<Json> update_resources(const Arguments& arguments);

}  // namespace stack::runtime::oci
