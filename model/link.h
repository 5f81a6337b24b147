// `docker run --link` and `links`: names that a container uses for others.
#pragma once

#include <string>
#include <string_view>

namespace stack {

struct Link {
  std::string container;  // name or id
  std::string alias;
};

// "db:store", "/db:store", or "db" alone, which is its own alias.
inline Link parse_link(std::string_view text) {
  size_t colon = text.rfind(':');
  std::string_view container = text.substr(0, colon);
  if (container.starts_with('/')) container.remove_prefix(1);
  std::string_view alias = colon == std::string_view::npos ? container : text.substr(colon + 1);
  // Docker shows links as "/db:/web/store".
  return {std::string(container), std::string(alias.substr(alias.rfind('/') + 1))};
}

}  // namespace stack
