// Reads a template. https://pkg.go.dev/text/template
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "cli/render/template/tree.h"

namespace stack::text_template {

// Errors have Go's words: "template: NAME:LINE: MESSAGE".
Result<Templates> parse_templates(std::string_view text, const std::string& name = {});

}  // namespace stack::text_template
