// The tree used by all phases of the loader: YAML's three kinds of nodes, each with its source position.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "orchestrator/compose/source.h"

namespace stack::compose {

// Invalid: an error has been reported here; later phases skip the node.
enum class NodeKind : uint8_t { Null, Scalar, Map, List, Invalid };

// Merge tags on a node (compose-spec, 13-merge.md).
enum class MergeTag : uint8_t { None, Reset, Override };

// The type of a scalar in YAML's core schema (YAML 1.2, with the integer forms of 1.1, like the reference).
enum class ScalarType : uint8_t { Null, Bool, Int, Float, String };

struct Entry;

struct Node {
  NodeKind kind = NodeKind::Null;
  MergeTag tag = MergeTag::None;
  bool string = false;      // Scalar: always a string (quoted, block, tagged !!str, or interpolated)
  bool made = false;        // added by a phase, not written by the user
  uint32_t provenance = 0;  // index into Provenances; 0 = none
  Mark mark;
  std::string text;            // Scalar: the text after YAML's unquoting
  std::vector<Entry> entries;  // Map: in source order, keys unique
  std::vector<Node> items;     // List

  bool is_null() const { return kind == NodeKind::Null; }
  bool is_scalar() const { return kind == NodeKind::Scalar; }
  bool is_map() const { return kind == NodeKind::Map; }
  bool is_list() const { return kind == NodeKind::List; }
  bool is_invalid() const { return kind == NodeKind::Invalid; }
  ScalarType type() const;  // of a Scalar

  // Map: the value of a key, or nullptr.
  Node* find(std::string_view key);
  const Node* find(std::string_view key) const;
  Entry* find_entry(std::string_view key);
  // Map: the value of a key, added as Null (with this node's mark) if missing.
  Node& at(std::string_view key);
  // Map: sets or replaces.
  void set(std::string_view key, Node value);
  void erase(std::string_view key);
  // The text of a Scalar under `key`, or "".
  std::string_view text_of(std::string_view key) const;
  void make_invalid();
};

struct Entry {
  std::string key;
  Mark mark;
  Node value;
};

// An index of a mapping with many entries. The mapping must not change in any other way.
class KeyIndex {
 public:
  explicit KeyIndex(Node& map);
  Entry* find(const std::string& key);
  void set(const std::string& key, Node value);

 private:
  void note_all();

  static constexpr size_t kSmall = 32;  // up to this size a linear scan is faster
  Node& map_;
  std::unordered_map<std::string, size_t> places_;
};

Node scalar_node(std::string text, Mark mark);  // a string
Node plain_node(std::string text, Mark mark);   // typed by its text
Node map_node(Mark mark);
Node list_node(Mark mark);
Node null_node(Mark mark);

// "a string", "a number", "a list", "a mapping", "nothing", for messages.
std::string describe(const Node& node);
ScalarType type_of_plain(std::string_view text);
// The value of an integer text in any of YAML's forms (0123, 0o17, 0x1F, 0b1, 1_000), or nullopt.
bool parse_yaml_integer(std::string_view text, int64_t& value);

// Notes of the interpolation about a node, reported only if the node still exists after merging and service selection.
struct Provenance {
  struct Problem {
    bool error = false;
    std::string message;
    std::string hint;
  };
  std::vector<Problem> problems;
  std::string variables;  // "TAG from .env, HOST from the environment"
};

class Provenances {
 public:
  Provenances() : list_(1) {}
  uint32_t add(Provenance provenance) {
    list_.push_back(std::move(provenance));
    return static_cast<uint32_t>(list_.size() - 1);
  }
  const Provenance& at(uint32_t index) const { return list_.at(index); }
  // Whether the interpolation of the value failed, so that its text is invalid.
  bool poisoned(const Node& node) const;

 private:
  std::vector<Provenance> list_;
};

}  // namespace stack::compose
