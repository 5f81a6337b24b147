#include "cli/render/template/collections.h"

namespace stack::text_template {

namespace {

// An index from 0 to `most`.
Result<size_t> index_of(const Value& given, size_t most) {
  if (!given.is_valid()) return invalid("cannot index slice/array with nil");
  if (!given.is(Kind::Int) && !given.is(Kind::Uint))
    return invalid("cannot index slice/array with type " + given.type().name);
  int64_t index = given.integer();
  if (index < 0 || static_cast<uint64_t>(index) > most)
    return invalid("index out of range: " + std::to_string(index));
  return static_cast<size_t>(index);
}

Result<Value> entry_of(const Value& map, const Value& key) {
  const Type& wanted = *map.type().key;
  if (!key.is_valid()) return invalid("value is nil; should be of type " + wanted.name);
  if (key.type().name != wanted.name)
    return invalid("value has type " + key.type().name + "; should be " + wanted.name);
  Value found = map.entry(key.text());
  return found.is_valid() ? found : Value(*map.type().element, Json());
}

}  // namespace

Result<Value> call_index(const Values& values) {
  Value item = values[0].concrete();
  if (!item.is_valid()) return invalid("index of untyped nil");
  for (size_t i = 1; i < values.size(); ++i) {
    Value key = values[i].concrete();
    item = item.indirect();
    if ((item.is(Kind::Pointer) || item.is(Kind::Any)) && item.is_nil())
      return invalid("index of nil pointer");
    if (item.is(Kind::Map)) {
      TRY_ASSIGN(item, entry_of(item, key));
    } else if (item.is(Kind::Slice) || item.is(Kind::Array) || item.is(Kind::String)) {
      TRY_ASSIGN(size_t index, index_of(key, item.length()));
      if (index == item.length()) {
        return invalid("reflect: " +
                       std::string(item.is(Kind::String)  ? "string"
                                   : item.is(Kind::Array) ? "array"
                                                          : "slice") +
                       " index out of range");
      }
      item = item.at(index);
    } else {
      return invalid("can't index item of type " + item.type().name);
    }
  }
  return item;
}

Result<Value> call_slice(const Values& values) {
  Value item = values[0].concrete();
  if (!item.is_valid()) return invalid("slice of untyped nil");
  item = item.indirect();
  if (item.is(Kind::Pointer) || item.is(Kind::Any)) return invalid("slice of nil pointer");
  size_t count = values.size() - 1;
  if (count > 3) return invalid("too many slice indexes: " + std::to_string(count));
  if (item.is(Kind::String)) {
    if (count == 3) return invalid("cannot 3-index slice a string");
  } else if (!item.is(Kind::Slice) && !item.is(Kind::Array)) {
    return invalid("can't slice item of type " + item.type().name);
  }
  size_t bounds[3] = {0, item.length(), item.length()};
  for (size_t i = 0; i < count; ++i) {
    TRY_ASSIGN(bounds[i], index_of(values[i + 1].concrete(), item.length()));
  }
  for (size_t i = 0; i < 2; ++i) {
    if (bounds[i] > bounds[i + 1])
      return invalid("invalid slice index: " + std::to_string(bounds[i]) + " > " +
                     std::to_string(bounds[i + 1]));
  }
  return item.slice(bounds[0], bounds[1]);
}

Result<Value> call_len(const Values& values) {
  Value item = values[0].indirect();
  if (!values[0].is_valid()) return invalid("reflect: call of reflect.Value.Type on zero Value");
  if (!item.is_valid() || item.is(Kind::Pointer) || item.is(Kind::Any)) return invalid("len of nil pointer");
  if (item.is(Kind::String) || item.is(Kind::Slice) || item.is(Kind::Array) || item.is(Kind::Map))
    return Value::of(static_cast<int64_t>(item.length()));
  return invalid("len of type " + item.type().name);
}

}  // namespace stack::text_template
