// Names and times of images for tables.
#pragma once

#include <string>
#include <string_view>

namespace stack::cli {

struct RepositoryTag {
  std::string repository;  // "registry:5000/app"
  std::string tag;         // "latest"; "<none>" if there is none
};
// A colon before a registry's port does not begin a tag; a digest is dropped.
RepositoryTag split_reference(std::string_view reference);

// "3 days ago" for an RFC 3339 time; "" for anything else.
std::string ago_text(const std::string& time);

}  // namespace stack::cli
