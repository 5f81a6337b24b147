#include "orchestrator/compose/parse.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <istream>
#include <memory>
#include <optional>
#include <streambuf>
#include <unordered_map>

#include "orchestrator/compose/common_yaml.h"

namespace stack::compose {

namespace {

constexpr size_t kMostAliasNodes = 200'000;
constexpr size_t kDeepestOpen = 100;

// Aborts parsing of a source; the reason has been reported.
struct Abandoned {};

// The number of nodes in the tree; stops counting at `limit`.
size_t cost_of(const Node& node, size_t limit) {
  size_t cost = 1 + node.text.size() / 64;
  for (const Entry& entry : node.entries) {
    if (cost > limit) return cost;
    cost += cost_of(entry.value, limit - std::min(limit, cost));
  }
  for (const Node& item : node.items) {
    if (cost > limit) return cost;
    cost += cost_of(item, limit - std::min(limit, cost));
  }
  return cost;
}

size_t utf8_length(unsigned char first) {
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first < 0xE0) return 2;
  if (first >= 0xE0 && first < 0xF0) return 3;
  if (first >= 0xF0 && first < 0xF5) return 4;
  return 0;
}

// The length of the complete character at `at`, or 0.
size_t character_at(std::string_view text, size_t at) {
  size_t length = utf8_length(static_cast<unsigned char>(text[at]));
  if (length == 0 || at + length > text.size()) return 0;
  for (size_t i = 1; i < length; ++i)
    if ((static_cast<unsigned char>(text[at + i]) & 0xC0U) != 0x80U) return 0;
  return length;
}

bool is_utf8(std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    size_t length = character_at(text, at);
    if (length == 0) return false;
    at += length;
  }
  return true;
}

std::optional<std::string> decoded_base64(std::string_view text) {
  static constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  uint32_t bits = 0;
  size_t digits = 0;
  size_t padding = 0;
  for (char c : text) {
    if (c == ' ' || c == '\n' || c == '\r' || c == '\t') continue;
    if (c == '=') {
      ++padding;
      continue;
    }
    size_t digit = kDigits.find(c);
    if (digit == std::string_view::npos || padding > 0) return std::nullopt;
    bits = (bits << 6U) | static_cast<uint32_t>(digit);
    if (++digits % 4 == 0) {
      for (unsigned shift : {16U, 8U, 0U}) out += static_cast<char>((bits >> shift) & 0xFFU);
      bits = 0;
    }
  }
  if (digits % 4 == 1 || (digits + padding) % 4 != 0 || padding > 2) return std::nullopt;
  if (digits % 4 == 2) out += static_cast<char>((bits >> 4U) & 0xFFU);
  if (digits % 4 == 3)
    for (unsigned shift : {10U, 2U}) out += static_cast<char>((bits >> shift) & 0xFFU);
  return out;
}

class Builder : public YAML::EventHandler {
 public:
  Builder(uint32_t file, Report& report) : file_(file), report_(report) {}

  std::vector<Node> take_documents() { return std::move(documents_); }
  // The position of the last quoted scalar.
  Mark last_quoted() const { return last_quoted_; }
  // The position of the innermost open { or [; line 0 if there is none.
  Mark open_bracket() const {
    for (auto one = open_.rbegin(); one != open_.rend(); ++one)
      if (one->flow) return one->node.mark;
    return {};
  }

  void OnDocumentStart(const YAML::Mark& mark) override {
    // yaml-cpp starts one document after another at a token it cannot handle, such as a comma.
    if (document_start_ && *document_start_ == mark.pos) throw YAML::ParserException(mark, "unexpected text");
    document_start_ = mark.pos;
    anchors_.clear();
    open_.clear();
    root_.reset();
  }

  void OnDocumentEnd() override {
    if (root_ && !root_->is_null()) documents_.push_back(std::move(*root_));
    root_.reset();
  }

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    complete(null_node(mark_of(mark)), anchor);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    auto found = anchors_.find(anchor);
    if (found == anchors_.end()) {
      report_.error(mark_of(mark), "an alias cannot be inside the value it refers to");
      throw Abandoned{};
    }
    alias_nodes_ += cost_of(found->second, kMostAliasNodes);
    if (alias_nodes_ > kMostAliasNodes + 4 * own_nodes_) {
      report_.error(mark_of(mark), "too many nodes created by aliases", "the expanded document is too large");
      throw Abandoned{};
    }
    complete(Node(found->second), 0);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    Node node = plain_node(value, mark_of(mark));
    if (tag != "?") last_quoted_ = node.mark;
    node.string = tag == "!" || tag == "tag:yaml.org,2002:str";
    apply_tag(node, tag);
    if (tag == "tag:yaml.org,2002:binary") take_binary(node);
    if (!node.string && node.type() == ScalarType::Null && node.tag == MergeTag::None)
      node.kind = NodeKind::Null;
    complete(std::move(node), anchor);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value style) override {
    begin(list_node(mark_of(mark)), tag, anchor, style);
  }
  void OnSequenceEnd() override { end(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value style) override {
    begin(map_node(mark_of(mark)), tag, anchor, style);
  }
  void OnMapEnd() override { end(); }

 private:
  // A collection under construction.
  struct Open {
    Node node;
    YAML::anchor_t anchor = 0;
    bool flow = false;     // in braces or brackets
    bool has_key = false;  // Map: the value of `key` comes next
    bool skip = false;     // Map: the key was rejected, so its value is dropped
    bool merge = false;    // Map: the key is the merge key <<
    std::string key;
    Mark key_mark;
    std::optional<Mark> merge_mark;  // position of the <<
    std::vector<Node> merged;        // maps listed in it, in order

    Entry* find(const std::string& name) {
      if (node.entries.size() < kSmall) return node.find_entry(name);
      for (size_t i = places.size(); i < node.entries.size(); ++i) places.emplace(node.entries[i].key, i);
      auto found = places.find(name);
      return found == places.end() ? nullptr : &node.entries[found->second];
    }

   private:
    static constexpr size_t kSmall = 24;  // up to this size a linear scan is faster
    std::unordered_map<std::string, size_t> places;
  };

  Mark mark_of(const YAML::Mark& mark) const {
    if (mark.is_null()) return {file_, 0, 0};
    return {file_, static_cast<uint32_t>(mark.line + 1), static_cast<uint32_t>(mark.column + 1)};
  }

  void apply_tag(Node& node, const std::string& tag) {
    if (tag == "!reset") {
      node.tag = MergeTag::Reset;
    } else if (tag == "!override") {
      node.tag = MergeTag::Override;
    } else if (!tag.empty() && tag != "!" && tag != "?" && !tag.starts_with("tag:yaml.org,2002:")) {
      report_.warning(node.mark, "the tag " + tag + " has no effect here and is ignored");
    }
  }

  // !!binary: base64 with optional blanks and line breaks. The decoded value must be text.
  void take_binary(Node& node) {
    std::optional<std::string> text = decoded_base64(node.text);
    if (!text) {
      report_.error(node.mark, "the value of !!binary is not valid base64");
      return;
    }
    if (!is_utf8(*text) || text->find('\0') != std::string::npos) {
      report_.error(node.mark, "the value of !!binary is not text",
                    "store the bytes in a file and mount it as a secret or config");
      return;
    }
    node.text = std::move(*text);
    node.string = true;
  }

  void begin(Node node, const std::string& tag, YAML::anchor_t anchor, YAML::EmitterStyle::value style) {
    if (open_.size() >= kDeepestOpen) {
      report_.error(node.mark, "nested too deeply");
      throw Abandoned{};
    }
    apply_tag(node, tag);
    Open open;
    open.node = std::move(node);
    open.anchor = anchor;
    open.flow = style == YAML::EmitterStyle::Flow;
    open_.push_back(std::move(open));
  }

  void end() {
    Open open = std::move(open_.back());
    open_.pop_back();
    if (open.node.is_map()) apply_merge_keys(open);
    complete(std::move(open.node), open.anchor);
  }

  void complete(Node node, YAML::anchor_t anchor) {
    ++own_nodes_;
    if (anchor != 0) {
      Node& named = anchors_[anchor] = node;
      named.tag = MergeTag::None;
    }
    if (open_.empty()) {
      root_ = std::make_unique<Node>(std::move(node));
      return;
    }
    Open& parent = open_.back();
    if (parent.node.is_list()) {
      parent.node.items.push_back(std::move(node));
    } else if (!parent.has_key) {
      take_key(parent, std::move(node));
    } else {
      take_value(parent, std::move(node));
    }
  }

  void take_key(Open& map, Node key) {
    map.has_key = true;
    map.skip = false;
    map.key_mark = key.mark;
    map.merge = key.is_scalar() && !key.string && key.text == "<<";
    if (!key.is_scalar() || (key.type() != ScalarType::String && !map.merge)) {
      report_.error(key.mark,
                    key.is_scalar() ? "the key " + key.text + " is not a string" : "a key must be a string",
                    key.is_scalar() ? "quote it: \"" + key.text + "\"" : "");
      map.skip = true;
      return;
    }
    map.key = std::move(key.text);
    std::optional<Mark> first = map.merge_mark;
    if (map.merge) {
      map.merge_mark = map.key_mark;
    } else if (const Entry* entry = map.find(map.key)) {
      first = entry->mark;
    } else {
      return;
    }
    if (!first) return;
    report_.error(map.key_mark,
                  "the key \"" + map.key + "\" is already defined on line " + std::to_string(first->line));
    map.skip = true;
  }

  void take_value(Open& map, Node value) {
    map.has_key = false;
    if (map.skip) return;
    // A missing value is shown at its key.
    if (value.is_null() && value.mark.line != map.key_mark.line) value.mark = map.key_mark;
    if (value.tag == MergeTag::Reset) {
      // No phase uses the value of a reset key.
      Mark mark = value.mark;
      value = null_node(mark);
      value.tag = MergeTag::Reset;
    }
    if (!map.merge) {
      map.node.entries.push_back({std::move(map.key), map.key_mark, std::move(value)});
      return;
    }
    std::vector<Node> maps;
    if (value.is_list()) {
      maps = std::move(value.items);
    } else {
      maps.push_back(std::move(value));
    }
    for (Node& one : maps) {
      if (one.is_map()) {
        map.merged.push_back(std::move(one));
      } else if (!one.is_null()) {
        report_.error(map.key_mark, "<< requires a mapping or a list of mappings, found " + describe(one));
      }
    }
  }

  // YAML merge key: the map's own keys have precedence, then earlier maps of the list.
  static void apply_merge_keys(Open& open) {
    for (Node& merged : open.merged)
      for (Entry& entry : merged.entries)
        if (open.find(entry.key) == nullptr) open.node.entries.push_back(std::move(entry));
  }

  uint32_t file_;
  Report& report_;
  std::optional<int> document_start_;
  std::unordered_map<YAML::anchor_t, Node> anchors_;
  std::vector<Open> open_;
  std::unique_ptr<Node> root_;
  std::vector<Node> documents_;
  Mark last_quoted_;
  size_t own_nodes_ = 0;
  size_t alias_nodes_ = 0;
};

// Reads from memory without a copy.
class MemoryBuffer : public std::streambuf {
 public:
  explicit MemoryBuffer(std::string_view text) {
    char* start = const_cast<char*>(text.data());  // streambuf does not write to a get area
    setg(start, start, start + text.size());
  }
};

// Rejects bytes that YAML does not allow. yaml-cpp treats some of them as the end of the file.
bool check_characters(const Source& source, uint32_t file, Report& report) {
  const std::string& text = source.text;
  Mark mark{file, 1, 1};
  for (size_t at = 0; at < text.size();) {
    auto byte = static_cast<unsigned char>(text[at]);
    size_t length = character_at(text, at);
    if (length == 0) {
      report.error(mark, "the file is not valid UTF-8");
      return false;
    }
    if (byte == 0x7f || (byte < 0x20 && byte != '\t' && byte != '\n' && byte != '\r')) {
      report.error(mark, "control character " + std::to_string(byte) + " is not allowed in YAML");
      return false;
    }
    if (byte == '\n') {
      ++mark.line;
      mark.column = 1;
    } else {
      mark.column += static_cast<uint32_t>(length);
    }
    at += length;
  }
  return true;
}

// Whether the scalar at `mark` is closed. yaml-cpp accepts the end of the file as the end of a quoted scalar.
bool is_closed(const Source& source, Mark mark) {
  if (mark.line == 0) return true;
  std::string_view text = source.text;
  size_t at = source.line_starts.at(mark.line - 1) + mark.column - 1;
  // Tags and anchors precede the quote.
  while (at < text.size() && (text[at] == '!' || text[at] == '&')) {
    while (at < text.size() && text[at] != ' ' && text[at] != '\n') ++at;
    while (at < text.size() && (text[at] == ' ' || text[at] == '\n')) ++at;
  }
  if (at >= text.size() || (text[at] != '"' && text[at] != '\'')) return true;
  char quote = text[at];
  for (++at; at < text.size(); ++at) {
    if (quote == '"' && text[at] == '\\') {
      ++at;
    } else if (text[at] == quote) {
      if (quote == '"' || at + 1 >= text.size() || text[at + 1] != quote) return true;
      ++at;  // '' stands for one quote
    }
  }
  return false;
}

struct SyntaxHelp {
  std::string message;
  std::string hint;
};

// Replaces yaml-cpp's internal wording with texts that help the author of the file.
SyntaxHelp help_for(const std::string& message, std::string_view line) {
  std::string_view indentation = line.substr(0, line.find_first_not_of(" \t"));
  if (indentation.find('\t') != std::string_view::npos)
    return {"a tab in the indentation", "indent with spaces"};
  if (message == "illegal map value")
    return {"a mapping is not allowed here", "quote a value that contains \": \""};
  if (message == "end of map not found" || message == "end of sequence not found")
    return {"unexpected indentation or text", "check that the keys of one mapping start in the same column"};
  if (message == "illegal block entry") return {"a list item is not allowed here", ""};
  if (message == "illegal flow end") return {"unmatched } or ]", "quote the value"};
  if (message == "unexpected text") return {"unexpected text", "quote the value"};
  if (message == "illegal map key") return {"a key is not allowed here", ""};
  if (message.find("unknown token") != std::string::npos)
    return {"a value cannot start with this character", "quote the value"};
  if (message.find("anchor is not defined") != std::string::npos)
    return {"the alias refers to an undefined anchor", ""};
  if (message.find("end of sequence flow not found") != std::string::npos) return {"[ is not closed", ""};
  if (message.find("end of map flow not found") != std::string::npos) return {"{ is not closed", ""};
  return {message, ""};
}

// The fast reader for most files; nullopt if yaml-cpp must read the file.
std::optional<std::vector<Node>> parse_common(const Sources& sources, uint32_t file, Report& report) {
  Report own(sources);
  Builder builder(file, own);
  try {
    if (!read_common_yaml(sources.at(file).text, builder)) return std::nullopt;
  } catch (const Abandoned&) {
    return std::nullopt;
  }
  for (Diagnostic& error : own.take_errors()) report.add(std::move(error));
  for (Diagnostic& warning : own.take_warnings()) report.add(std::move(warning));
  return builder.take_documents();
}

}  // namespace

std::vector<Node> parse_yaml(const Sources& sources, uint32_t file, Report& report) {
  const Source& source = sources.at(file);
  if (!check_characters(source, file, report)) return {};
  if (std::optional<std::vector<Node>> documents = parse_common(sources, file, report))
    return std::move(*documents);
  Builder builder(file, report);
  try {
    MemoryBuffer buffer(source.text);
    std::istream stream(&buffer);
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const YAML::Exception& problem) {
    Mark mark{file, 0, 0};
    if (!problem.mark.is_null())
      mark = {file, static_cast<uint32_t>(problem.mark.line + 1),
              static_cast<uint32_t>(problem.mark.column + 1)};
    std::string_view line = sources.line(file, mark.line);
    SyntaxHelp help = help_for(problem.msg, line);
    if (size_t tab = line.find('\t'); tab < line.find_first_not_of(" \t"))
      mark.column = static_cast<uint32_t>(tab + 1);
    // An unclosed bracket is often noticed only at the end of the file.
    Mark bracket = builder.open_bracket();
    if (help.message.ends_with("is not closed") && bracket.line > 0 && bracket.line != mark.line) {
      help.hint = "parsing stopped on line " + std::to_string(mark.line);
      mark = bracket;
    }
    report.error(mark, "YAML syntax: " + help.message, help.hint);
    return {};
  } catch (const Abandoned&) {
    return {};
  }
  if (!is_closed(source, builder.last_quoted())) {
    report.error(builder.last_quoted(), "YAML syntax: unclosed quoted text");
    return {};
  }
  return builder.take_documents();
}

}  // namespace stack::compose
