// Escaping for HTML, JavaScript, and URLs, as text/template does it.
#pragma once

#include <string>
#include <string_view>

namespace stack::text_template {

std::string html_escaped(std::string_view text);
std::string js_escaped(std::string_view text);
std::string query_escaped(std::string_view text);

}  // namespace stack::text_template
