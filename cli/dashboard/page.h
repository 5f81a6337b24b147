// The files of the page, as they are embedded in the program.
#pragma once

#include <optional>
#include <string_view>

namespace stack::cli {

struct PageFile {
  std::string_view content_type;
  std::string_view bytes;
};

// By path: "/" is the page itself.
std::optional<PageFile> find_page_file(std::string_view path);

// The Content-Security-Policy of the page: everything comes from the dashboard itself. The terminal emulator sets styles of its
// own, so styles may be inline; scripts may not.
inline constexpr std::string_view kPagePolicy =
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

}  // namespace stack::cli
