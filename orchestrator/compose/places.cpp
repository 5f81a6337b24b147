#include "orchestrator/compose/places.h"

#include <charconv>

#include "orchestrator/compose/document.h"

namespace stack::compose {

namespace {

std::string unescaped(std::string_view segment) {
  std::string out;
  for (size_t i = 0; i < segment.size(); ++i) {
    if (segment[i] == '~' && i + 1 < segment.size()) {
      out += segment[++i] == '1' ? '/' : '~';
    } else {
      out += segment[i];
    }
  }
  return out;
}

// The child and the position of its key; null if there is none.
const Node* child_of(const Node& node, const std::string& key, Mark& mark) {
  if (node.is_map()) {
    for (const Entry& entry : node.entries) {
      if (entry.key != key) continue;
      mark = entry.mark.file != 0 ? entry.mark : entry.value.mark;
      return &entry.value;
    }
    return nullptr;
  }
  size_t index = 0;
  auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), index);
  if (!node.is_list() || error != std::errc() || end != key.data() + key.size() || index >= node.items.size())
    return nullptr;
  mark = node.items[index].mark;
  return &node.items[index];
}

}  // namespace

std::string place_of(const Loaded& loaded, std::string_view json_pointer) {
  if (!loaded.document) return std::string(origin_of(loaded.project, json_pointer));
  const Node* at = &loaded.document->tree;
  Mark found;
  while (at != nullptr && !json_pointer.empty()) {
    json_pointer.remove_prefix(1);
    std::string_view segment = json_pointer.substr(0, json_pointer.find('/'));
    json_pointer.remove_prefix(segment.size());
    Mark mark;
    at = child_of(*at, unescaped(segment), mark);
    if (at != nullptr && mark.file != 0) found = mark;
  }
  return loaded.document->sources.place(found);
}

}  // namespace stack::compose
