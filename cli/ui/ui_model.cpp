#include "cli/ui/ui_model.h"

#include <algorithm>

#include "base/text.h"
#include "cli/render/output.h"
#include "cli/render/table.h"

namespace stack::cli {

namespace {

constexpr size_t kPageLines = 10;
constexpr const char* kUiHelp[] = {
    "up, down, k, j   select a service",
    "l t p c          logs, processes, plan, configuration of the service",
    "/                search: show only lines that contain the text; Esc ends it",
    "PgUp, PgDn       scroll",
    "r                restart the service",
    "s                stop it, or start it",
    "b                build and replace it",
    "x                open a shell in its first container",
    "?                this help",
    "q                quit; the containers keep running",
};

const char* panel_title(UiPanel panel) {
  switch (panel) {
    case UiPanel::Logs:
      return "logs";
    case UiPanel::Top:
      return "processes";
    case UiPanel::Plan:
      return "plan";
    case UiPanel::Config:
      return "configuration";
    case UiPanel::Help:
      return "keys";
  }
  return "";
}

// Control characters of a container's output must not reach the terminal.
std::string terminal_text(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    auto c = static_cast<unsigned char>(text[i]);
    if (c == 0x1b && i + 1 < text.size() && text[i + 1] == '[') {
      i += 2;
      while (i < text.size() && (text[i] < '@' || text[i] > '~')) ++i;
    } else if (c == '\t') {
      out += "    ";
    } else if (c >= 0x20 && c != 0x7f) {
      out += text[i];
    }
  }
  return out;
}

std::string padded(std::string text, size_t width) {
  text = ellipsis(text, width);
  size_t used = display_width(text);
  if (used < width) text.append(width - used, ' ');
  return text;
}

Color state_color(const UiService& service) {
  if (service.health == "unhealthy" || !service.state.starts_with("running")) return Color::Red;
  return service.health == "starting" ? Color::Yellow : Color::Green;
}

}  // namespace

void UiModel::set_services(std::vector<UiService> services) {
  std::string name = selected() ? selected()->name : "";
  services_ = std::move(services);
  auto same = std::find_if(services_.begin(), services_.end(),
                           [&](const UiService& one) { return one.name == name; });
  selected_ = same == services_.end() ? 0 : static_cast<size_t>(same - services_.begin());
}

void UiModel::set_panel_lines(std::vector<std::string> lines) {
  lines_ = std::move(lines);
  scrolled_ = std::min(scrolled_, lines_.size());
}

const UiService* UiModel::selected() const {
  return selected_ < services_.size() ? &services_[selected_] : nullptr;
}

void UiModel::show(UiPanel panel) {
  panel_ = panel;
  lines_.clear();
  scrolled_ = 0;
}

void UiModel::select(size_t index) {
  if (index >= services_.size() || index == selected_) return;
  selected_ = index;
  show(panel_);
}

UiAction UiModel::search_key(int key) {
  if (key == kKeyEscape || key == kKeyInterrupt) search_.clear();
  if (key == kKeyEscape || key == kKeyInterrupt || key == kKeyEnter) {
    searching_ = false;
  } else if (key == kKeyBackspace) {
    while (!search_.empty() && (static_cast<unsigned char>(search_.back()) & 0xc0) == 0x80)
      search_.pop_back();
    if (!search_.empty()) search_.pop_back();
  } else if (key >= 0x20 && key < 0x100 && key != kKeyBackspace) {
    search_ += static_cast<char>(key);
  }
  scrolled_ = 0;
  return UiAction::None;
}

UiAction UiModel::key(int key) {
  message_.clear();
  if (searching_) return search_key(key);
  const UiService* service = selected();
  switch (key) {
    case 'q':
    case kKeyInterrupt:
      return UiAction::Quit;
    case kKeyUp:
    case 'k':
      if (selected_ > 0) select(selected_ - 1);
      break;
    case kKeyDown:
    case 'j':
      select(selected_ + 1);
      break;
    case kKeyPageUp:
      scrolled_ = std::min(scrolled_ + kPageLines, lines_.size());
      break;
    case kKeyPageDown:
      scrolled_ -= std::min(scrolled_, kPageLines);
      break;
    case 'l':
      show(UiPanel::Logs);
      break;
    case 't':
      show(UiPanel::Top);
      break;
    case 'p':
      show(UiPanel::Plan);
      break;
    case 'c':
      show(UiPanel::Config);
      break;
    case '?':
    case 'h':
      show(UiPanel::Help);
      break;
    case '/':
      searching_ = true;
      search_.clear();
      break;
    case kKeyEscape:
      search_.clear();
      break;
    case 'r':
      return service ? UiAction::Restart : UiAction::None;
    case 's':
      if (!service) return UiAction::None;
      return service->state.starts_with("running") ? UiAction::Stop : UiAction::Start;
    case 'b':
      return service ? UiAction::Rebuild : UiAction::None;
    case 'x':
      return service && service->state.starts_with("running") ? UiAction::Exec : UiAction::None;
    default:
      break;
  }
  return UiAction::None;
}

std::vector<std::string> UiModel::filtered_lines() const {
  if (panel_ == UiPanel::Help) return {std::begin(kUiHelp), std::end(kUiHelp)};
  if (search_.empty()) return lines_;
  std::vector<std::string> kept;
  const std::string wanted = lower(search_);
  for (const std::string& line : lines_)
    if (lower(line).find(wanted) != std::string::npos) kept.push_back(line);
  return kept;
}

std::string UiModel::service_row(const UiService& service, size_t name_width) const {
  std::string text = padded(service.name, name_width) + "  " + padded(service.state, 12) + "  " +
                     padded(service.health, 9) + "  " + padded(service.cpu, 8) + "  " +
                     padded(service.memory, 20) + "  " + service.ports;
  if (!service.probe.empty() && service.health != "healthy") text += "  probe: " + terminal_text(service.probe);
  return text;
}

std::vector<std::string> UiModel::panel_rows(size_t columns, size_t rows) const {
  std::vector<std::string> lines = filtered_lines();
  // Logs show their end, and everything else its beginning.
  bool at_end = panel_ == UiPanel::Logs;
  size_t most = lines.size() > rows ? lines.size() - rows : 0;
  size_t skipped = at_end ? most - std::min(most, scrolled_) : std::min(most, scrolled_);
  std::vector<std::string> shown;
  for (size_t i = skipped; i < lines.size() && shown.size() < rows; ++i)
    shown.push_back(ellipsis(terminal_text(lines[i]), columns));
  shown.resize(rows);
  return shown;
}

std::string UiModel::status_line() const {
  if (searching_) return "search: " + search_ + "_";
  if (!message_.empty()) return message_;
  std::string text =
      "l logs  t top  p plan  c config  / search  r restart  s stop/start  b rebuild  x shell  ? help  q "
      "quit";
  return search_.empty() ? text : "search \"" + search_ + "\" (Esc ends it)  " + text;
}

std::vector<std::string> UiModel::draw(size_t columns, size_t rows, bool color) const {
  std::vector<std::string> out;
  if (rows == 0) return out;
  size_t name_width = 7;
  for (const UiService& service : services_) name_width = std::max(name_width, display_width(service.name));
  name_width = std::min(name_width, columns / 3);
  out.push_back(paint(
      ellipsis("stack ui  " + project_ + "  " + std::to_string(services_.size()) + " services", columns),
      Color::Bold, color));
  const std::string title = "  " + padded("SERVICE", name_width) +
                            "  STATE         HEALTH     CPU       MEMORY                PORTS";
  out.push_back(paint(ellipsis(title, columns), Color::Dim, color));
  // At most half of the screen, around the selected service.
  size_t room = std::max<size_t>(1, rows / 2 > 3 ? rows / 2 - 2 : 1);
  size_t first = services_.size() > room && selected_ >= room ? selected_ - room + 1 : 0;
  for (size_t i = first; i < services_.size() && i < first + room; ++i) {
    std::string text =
        ellipsis((i == selected_ ? "> " : "  ") + service_row(services_[i], name_width), columns);
    out.push_back(paint(text, i == selected_ ? Color::Bold : state_color(services_[i]), color));
  }
  std::string heading = std::string("-- ") + panel_title(panel_) +
                        (selected() && panel_ != UiPanel::Help ? " of " + selected()->name : "") + " ";
  while (heading.size() < columns) heading += '-';
  out.push_back(ellipsis(heading, columns));
  if (out.size() + 1 < rows)
    for (std::string& line : panel_rows(columns, rows - out.size() - 1)) out.push_back(std::move(line));
  out.resize(rows - 1);
  out.push_back(paint(ellipsis(status_line(), columns), Color::Dim, color));
  return out;
}

int take_key(std::string& bytes) {
  if (bytes.empty()) return -1;
  struct Sequence {
    const char* text;
    int key;
  };
  constexpr Sequence kSequences[] = {{"\x1b[A", kKeyUp},      {"\x1b[B", kKeyDown},
                                     {"\x1bOA", kKeyUp},      {"\x1bOB", kKeyDown},
                                     {"\x1b[5~", kKeyPageUp}, {"\x1b[6~", kKeyPageDown}};
  for (const Sequence& one : kSequences) {
    if (!bytes.starts_with(one.text)) continue;
    bytes.erase(0, std::string_view(one.text).size());
    return one.key;
  }
  int key = static_cast<unsigned char>(bytes[0]);
  bytes.erase(0, 1);
  // An unknown sequence is skipped as a whole; a single escape is the key.
  if (key == kKeyEscape && bytes.starts_with('[')) {
    size_t end = 1;
    while (end < bytes.size() && (bytes[end] < '@' || bytes[end] > '~')) ++end;
    bytes.erase(0, std::min(bytes.size(), end + 1));
    return 0;
  }
  return key == '\n' ? kKeyEnter : key == '\b' ? kKeyBackspace : key;
}

}  // namespace stack::cli
