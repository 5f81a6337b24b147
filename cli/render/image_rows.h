// Names and times of images, as tables show them.
#pragma once

#include <string>
#include <string_view>

namespace stack::cli {

struct RepositoryTag {
  std::string repository;  // "registry:5000/app"
  std::string tag;         // "latest"; "<none>" where there is none
};
// The colon of a registry's port is not that of a tag; a digest stays with neither.
RepositoryTag split_reference(std::string_view reference);

// "3 days ago" for an RFC 3339 time; "" for anything else.
std::string ago_text(const std::string& time);

}  // namespace stack::cli
