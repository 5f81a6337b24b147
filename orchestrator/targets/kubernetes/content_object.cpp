#include "orchestrator/targets/kubernetes/content_object.h"

#include <algorithm>

#include "base/base64.h"
#include "orchestrator/targets/kubernetes/names.h"

namespace stack::targets::kubernetes {

namespace {

constexpr uint32_t kReadable = 0444;

// Whether YAML and JSON can hold the bytes as text: UTF-8 without control characters except tab and newline.
bool is_text(std::string_view bytes) {
  size_t follow = 0;
  for (char byte : bytes) {
    unsigned char c = static_cast<unsigned char>(byte);
    if (follow > 0) {
      if ((c & 0xc0) != 0x80) return false;
      --follow;
    } else if (c >= 0x80) {
      if (c >= 0xc2 && c < 0xe0) {
        follow = 1;
      } else if (c >= 0xe1 && c < 0xf0 && c != 0xed && c != 0xef) {
        follow = 2;  // without surrogates, overlong forms, and the byte order mark
      } else {
        return false;
      }
    } else if ((c < 0x20 && c != '\t' && c != '\n') || c == 0x7f) {
      return false;
    }
  }
  return follow == 0;
}

std::string key_of(const HostFile& file) { return config_key(file.path.empty() ? kContentFile : file.path); }

std::string digest_text(const std::vector<HostFile>& files) {
  std::string text;
  for (const HostFile& file : files) {
    text += file.path + '\0' + std::to_string(file.mode) + '\0' + std::to_string(file.bytes.size()) + '\0';
    text += file.bytes;
  }
  return text;
}

}  // namespace

std::string add_content_object(Draft& draft, const std::string& name, const std::vector<HostFile>& files,
                               bool secret, const std::string& pointer, const std::string& service) {
  std::string object = with_suffix(object_name(name), "-" + short_hash(digest_text(files)));
  const char* kind = secret ? "Secret" : "ConfigMap";
  for (const KubeObject& other : draft.objects)
    if (other.kind == kind && other.name == object) return object;
  OrderedJson text = OrderedJson::object();
  OrderedJson binary = OrderedJson::object();
  for (const HostFile& file : files) {
    if (!secret && is_text(file.bytes)) {
      text[key_of(file)] = file.bytes;
    } else {
      binary[key_of(file)] = encode_base64(file.bytes);
    }
  }
  OrderedJson members = OrderedJson::object();
  if (secret) members["type"] = "Opaque";
  if (!text.empty()) members["data"] = std::move(text);
  if (!binary.empty()) members[secret ? "data" : "binaryData"] = std::move(binary);
  members["immutable"] = true;
  draft.add("v1", kind, object, service, pointer, std::move(members));
  return object;
}

OrderedJson content_source(const std::string& object, const std::vector<HostFile>& files, bool secret) {
  OrderedJson items = OrderedJson::array();
  for (const HostFile& file : files)
    items.push_back({{"key", key_of(file)},
                     {"path", file.path.empty() ? std::string(kContentFile) : file.path},
                     {"mode", file.mode | kReadable}});
  OrderedJson source{{secret ? "secretName" : "name", object}, {"items", std::move(items)}};
  return {{secret ? "secret" : "configMap", std::move(source)}};
}

}  // namespace stack::targets::kubernetes
