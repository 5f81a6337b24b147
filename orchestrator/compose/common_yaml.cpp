#include "orchestrator/compose/common_yaml.h"

#include <yaml-cpp/mark.h>

#include <string>
#include <unordered_map>

namespace stack::compose {

namespace {

constexpr int kDeepestNesting = 100;
constexpr size_t kLongestKey = 1000;  // yaml-cpp searches at most 1024 characters for the colon

// Thrown at the first construct that only yaml-cpp can read.
struct NotCommonYaml {};

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

bool is_one_of(char c, std::string_view set) { return set.find(c) != std::string_view::npos; }

// Texts that yaml-cpp reports as null, regardless of the tag.
bool is_null_text(std::string_view text) {
  return text == "~" || text == "null" || text == "Null" || text == "NULL";
}

class Reader {
 public:
  Reader(std::string_view text, YAML::EventHandler& out) : text_(text), out_(out) {}

  void document() {
    first_line();
    if (ended_) throw NotCommonYaml{};
    YAML::Mark start = mark();
    if (rest() == "---") next_line();
    if (ended_ || column() != 0 || is_entry() || is_marker()) throw NotCommonYaml{};
    out_.OnDocumentStart(start);
    map(0, mark());
    if (!ended_) throw NotCommonYaml{};
    out_.OnDocumentEnd();
  }

 private:
  // ---- position ----

  int column() const { return static_cast<int>(at_ - line_begin_); }
  char here() const { return at_ < line_end_ ? text_[at_] : '\n'; }
  char after() const { return at_ + 1 < line_end_ ? text_[at_ + 1] : '\n'; }
  std::string_view rest() const { return text_.substr(at_, line_end_ - at_); }

  YAML::Mark mark() const {
    YAML::Mark mark;
    mark.pos = static_cast<int>(at_);
    mark.line = line_;
    mark.column = column();
    return mark;
  }

  void skip_spaces() {
    while (at_ < line_end_ && text_[at_] == ' ') ++at_;
  }

  void start_line(size_t begin) {
    line_begin_ = at_ = begin;
    size_t end = text_.find('\n', begin);
    line_end_ = end == std::string_view::npos ? text_.size() : end;
  }

  // Moves to the next line; false at the end of the text.
  bool advance_line() {
    if (line_end_ == text_.size()) {
      at_ = line_end_;
      return false;
    }
    start_line(line_end_ + 1);
    ++line_;
    return true;
  }

  void first_line() {
    start_line(0);
    find_content();
  }

  void next_line() {
    if (!advance_line()) {
      ended_ = true;
      return;
    }
    find_content();
    if (!ended_ && is_marker()) throw NotCommonYaml{};
  }

  // Moves to the next line that contains more than spaces and a comment.
  void find_content() {
    do {
      skip_spaces();
      if (at_ < line_end_ && text_[at_] != '#') return;
    } while (advance_line());
    ended_ = true;
  }

  // Whether only spaces and perhaps a comment follow on this line.
  bool nothing_follows() {
    size_t before = at_;
    skip_spaces();
    return at_ == line_end_ || (text_[at_] == '#' && (at_ > before || text_[at_ - 1] == ' '));
  }

  // Whether the line marks the beginning or end of a document.
  bool is_marker() const { return column() == 0 && (rest().starts_with("---") || rest().starts_with("...")); }

  bool is_entry() const { return here() == '-' && (after() == ' ' || after() == '\n'); }

  // ---- blocks ----

  class DepthGuard {
   public:
    explicit DepthGuard(int& depth) : depth_(depth) {
      if (++depth_ > kDeepestNesting) throw NotCommonYaml{};
    }
    ~DepthGuard() { --depth_; }
    DepthGuard(const DepthGuard&) = delete;
    DepthGuard& operator=(const DepthGuard&) = delete;

   private:
    int& depth_;
  };

  void map(YAML::anchor_t anchor, YAML::Mark start) {
    DepthGuard deeper(depth_);
    int indent = column();
    out_.OnMapStart(start, "?", anchor, YAML::EmitterStyle::Block);
    do {
      key();
      value(indent);
    } while (!ended_ && column() == indent && !is_entry());
    if (!ended_ && column() >= indent) throw NotCommonYaml{};
    out_.OnMapEnd();
  }

  void sequence(YAML::anchor_t anchor, YAML::Mark start) {
    DepthGuard deeper(depth_);
    int indent = column();
    out_.OnSequenceStart(start, "?", anchor, YAML::EmitterStyle::Block);
    do {
      ++at_;
      if (nothing_follows()) throw NotCommonYaml{};
      if (is_entry()) {
        sequence(0, mark());
      } else if (key_length() > 0) {
        map(0, mark());
      } else {
        inline_node(indent);
      }
    } while (!ended_ && column() == indent && is_entry());
    if (!ended_ && column() > indent) throw NotCommonYaml{};
    out_.OnSequenceEnd();
  }

  void block(YAML::anchor_t anchor, YAML::Mark start) {
    if (is_entry()) {
      sequence(anchor, start);
    } else {
      map(anchor, start);
    }
  }

  // The length of the key that begins here, without the colon; 0 if there is no key.
  size_t key_length() {
    size_t end = at_;
    if (here() == '"' || here() == '\'') {
      size_t before = at_;
      quoted();
      end = at_;
      at_ = before;
      if (end >= line_end_ || text_[end] != ':') return 0;
    } else {
      if (!starts_plain()) return 0;
      while (end < line_end_ && !ends_key(end)) {
        if (text_[end] == '#' && text_[end - 1] == ' ') return 0;
        ++end;
      }
      if (end >= line_end_ || text_[end - 1] == ' ') return 0;
    }
    if (end + 1 < line_end_ && text_[end + 1] != ' ') return 0;
    if (end - at_ > kLongestKey) throw NotCommonYaml{};
    return end - at_;
  }

  bool ends_key(size_t at) const { return text_[at] == ':' && (at + 1 >= line_end_ || text_[at + 1] == ' '); }

  void key() {
    size_t length = key_length();
    if (length == 0) throw NotCommonYaml{};
    YAML::Mark start = mark();
    if (here() == '"' || here() == '\'') {
      std::string text = quoted();
      out_.OnScalar(start, "!", 0, text);
    } else {
      std::string_view text = text_.substr(at_, length);
      if (is_null_text(text)) throw NotCommonYaml{};
      out_.OnScalar(start, "?", 0, std::string(text));
      at_ += length;
    }
    ++at_;  // the colon
  }

  void value(int indent) {
    if (!nothing_follows()) {
      inline_node(indent);
      return;
    }
    next_line();
    if (!ended_ && (column() > indent || (column() == indent && is_entry()))) {
      block(0, mark());
    } else {
      YAML::Mark next = mark();
      // At the end of the text, yaml-cpp reports the end of open collections at column 0.
      if (ended_ && next.column >= indent) next.column = 0;
      out_.OnNull(next, 0);
    }
  }

  // Reads the node after a key or a dash, in a collection at `indent`: to the end of the line, or for a block, further.
  void inline_node(int indent) {
    YAML::Mark start = mark();
    YAML::anchor_t anchor = 0;
    if (here() == '&') {
      anchor = take_anchor();
      if (nothing_follows()) {
        next_line();
        if (ended_ || column() <= indent) throw NotCommonYaml{};
        block(anchor, start);
        return;
      }
    }
    switch (here()) {
      case '|':
        if (anchor != 0) throw NotCommonYaml{};  // yaml-cpp measures the indentation of such a block from the anchor
        literal(indent, start);
        return;
      case '[':
      case '{':
      case '"':
      case '\'':
      case '*':
        flow_node(anchor, start);
        if (!nothing_follows()) throw NotCommonYaml{};
        break;
      default:
        plain(anchor, start);
    }
    next_line();
    // A multi-line scalar, or an error.
    if (!ended_ && column() > indent) throw NotCommonYaml{};
  }

  // ---- scalars ----

  bool starts_plain() const {
    char c = here();
    if (c == '-') return after() != ' ' && after() != '\n';
    return is_word(c) || is_one_of(c, "/.$~+(^;<=\\") || static_cast<unsigned char>(c) >= 0x80;
  }

  void plain(YAML::anchor_t anchor, YAML::Mark start) {
    if (!starts_plain()) throw NotCommonYaml{};
    size_t begin = at_;
    for (; at_ < line_end_; ++at_) {
      if (ends_key(at_)) throw NotCommonYaml{};
      if (text_[at_] == '#' && text_[at_ - 1] == ' ') break;
    }
    size_t end = at_;
    while (text_[end - 1] == ' ') --end;
    tell_plain(text_.substr(begin, end - begin), anchor, start);
  }

  void tell_plain(std::string_view text, YAML::anchor_t anchor, YAML::Mark start) {
    if (is_null_text(text)) {
      out_.OnNull(start, anchor);
    } else {
      out_.OnScalar(start, "?", anchor, std::string(text));
    }
  }

  // Consumes both quotes.
  std::string quoted() {
    char quote = text_[at_++];
    std::string out;
    for (;; ++at_) {
      if (at_ >= line_end_) throw NotCommonYaml{};
      char c = text_[at_];
      if (c == quote) {
        if (quote == '"' || after() != quote) break;
        ++at_;  // '' stands for one quote
      } else if (quote == '"' && c == '\\') {
        ++at_;
        switch (here()) {
          case '"':
          case '\\':
          case '/':
            c = here();
            break;
          case 'n':
            c = '\n';
            break;
          default:
            throw NotCommonYaml{};
        }
      }
      out += c;
    }
    ++at_;
    return out;
  }

  // Reads a literal block (YAML 1.2, 8.1.2) and strips the indentation of its first line.
  void literal(int indent, YAML::Mark start) {
    ++at_;
    bool strip = here() == '-';
    if (strip) ++at_;
    if (!nothing_follows()) throw NotCommonYaml{};
    std::string out;
    std::string blank;  // trailing blank lines, significant only if another line follows
    int own = -1;
    bool more = true;
    while ((more = advance_line())) {
      skip_spaces();
      if (at_ == line_end_) {
        // Blank lines before the text, or deeper than it, have special rules.
        if (own < 0 || column() > own) throw NotCommonYaml{};
        blank += '\n';
        continue;
      }
      if (own < 0) {
        if (column() <= indent) throw NotCommonYaml{};
        own = column();
      }
      if (column() < own) break;
      out += blank;
      blank.clear();
      out += text_.substr(line_begin_ + static_cast<size_t>(own),
                          line_end_ - line_begin_ - static_cast<size_t>(own));
      blank += '\n';
    }
    if (own < 0 || !text_.ends_with('\n')) throw NotCommonYaml{};
    if (!strip) out += '\n';
    out_.OnScalar(start, "!", 0, out);
    if (!more) {
      ended_ = true;
      return;
    }
    if (column() > indent) throw NotCommonYaml{};
    find_content();
    if (!ended_ && (is_marker() || column() > indent)) throw NotCommonYaml{};
  }

  // ---- single-line flow collections ----

  // Starts at the node, or after its anchor.
  void flow_node(YAML::anchor_t anchor, YAML::Mark start) {
    switch (here()) {
      case '"':
      case '\'': {
        std::string text = quoted();
        out_.OnScalar(start, "!", anchor, text);
        return;
      }
      case '*':
        if (anchor != 0) throw NotCommonYaml{};
        alias(start);
        return;
      case '[':
        flow_sequence(anchor, start);
        return;
      case '{':
        flow_map(anchor, start);
        return;
      default:
        flow_plain(anchor, start);
    }
  }

  void flow_sequence(YAML::anchor_t anchor, YAML::Mark start) {
    DepthGuard deeper(depth_);
    out_.OnSequenceStart(start, "?", anchor, YAML::EmitterStyle::Flow);
    for (bool more = open_flow(']'); more; more = next_in_flow(']')) flow_node(0, mark());
    out_.OnSequenceEnd();
  }

  void flow_map(YAML::anchor_t anchor, YAML::Mark start) {
    DepthGuard deeper(depth_);
    out_.OnMapStart(start, "?", anchor, YAML::EmitterStyle::Flow);
    for (bool more = open_flow('}'); more; more = next_in_flow('}')) {
      if (is_one_of(here(), "[{*")) throw NotCommonYaml{};
      flow_node(0, mark());
      if (here() != ':' || after() != ' ') throw NotCommonYaml{};
      ++at_;
      skip_spaces();
      flow_node(0, mark());
    }
    out_.OnMapEnd();
  }

  // Returns whether an element follows.
  bool open_flow(char close) {
    ++at_;
    skip_spaces();
    if (here() != close) return true;
    ++at_;
    return false;
  }

  bool next_in_flow(char close) {
    skip_spaces();
    char c = here();
    if (c != ',' && c != close) throw NotCommonYaml{};
    ++at_;
    skip_spaces();
    return c == ',';
  }

  void flow_plain(YAML::anchor_t anchor, YAML::Mark start) {
    constexpr std::string_view kInside = "/.$+=@-()^;<>\\%";
    if (!is_word(here()) && !is_one_of(here(), "/.$")) throw NotCommonYaml{};
    size_t begin = at_;
    while (is_word(here()) || is_one_of(here(), kInside) ||
           (here() == ':' && (is_word(after()) || after() == '/')) || (here() == ' ' && is_word(after())))
      ++at_;
    tell_plain(text_.substr(begin, at_ - begin), anchor, start);
  }

  // ---- anchors ----

  std::string_view name() {
    size_t begin = ++at_;
    while (is_word(here()) || here() == '-') ++at_;
    if (at_ == begin || (here() != ' ' && here() != '\n' && here() != ',' && here() != ']' && here() != '}'))
      throw NotCommonYaml{};
    return text_.substr(begin, at_ - begin);
  }

  YAML::anchor_t take_anchor() {
    std::string anchor(name());
    if (here() != ' ' && here() != '\n') throw NotCommonYaml{};
    return anchors_[anchor] = ++last_anchor_;
  }

  void alias(YAML::Mark start) {
    auto found = anchors_.find(std::string(name()));
    if (found == anchors_.end()) throw NotCommonYaml{};
    out_.OnAlias(start, found->second);
  }

  std::string_view text_;
  YAML::EventHandler& out_;
  size_t line_begin_ = 0;
  size_t line_end_ = 0;
  size_t at_ = 0;
  int line_ = 0;
  int depth_ = 0;
  bool ended_ = false;
  std::unordered_map<std::string, YAML::anchor_t> anchors_;
  YAML::anchor_t last_anchor_ = 0;
};

}  // namespace

bool read_common_yaml(std::string_view text, YAML::EventHandler& handler) {
  // Tabs and carriage returns, a byte order mark.
  if (text.find_first_of("\t\r") != std::string_view::npos || text.starts_with("\xEF\xBB\xBF")) return false;
  try {
    Reader(text, handler).document();
    return true;
  } catch (const NotCommonYaml&) {
    return false;
  }
}

}  // namespace stack::compose
