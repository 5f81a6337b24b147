// Names in Kubernetes' syntax (RFC 1123 labels: lowercase letters, digits, and '-', at most 63 characters).
#pragma once

#include <string>
#include <string_view>

namespace stack::targets::kubernetes {

// A valid object name close to `text`: lowercase, other characters become '-'. A changed or too long name that could
// collide with another one gets a hash of `text`.
std::string object_name(std::string_view text);
// Whether `text`, in any case, is a name that a Service can have, so that DNS resolves it as written.
bool is_service_name(std::string_view text);
// `name` + `suffix`, shortened with a hash if longer than 63 characters.
std::string with_suffix(std::string_view name, std::string_view suffix);
// Whether `text` can be the name part of a label or annotation key, with an optional DNS prefix and '/'.
bool is_qualified_name(std::string_view text);
// The first 10 hexadecimal digits of the SHA-256 of `bytes`.
std::string short_hash(std::string_view bytes);
// A key of a ConfigMap: letters, digits, '-', '_', '.'.
std::string config_key(std::string_view path);

}  // namespace stack::targets::kubernetes
