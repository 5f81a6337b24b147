// The screen of `stack ui` as a value: what it shows, and what keys do. Pure; ui.cpp reads the engine and the keyboard.
#pragma once

#include <string>
#include <vector>

namespace stack::cli {

struct UiService {
  std::string name;
  std::string state;   // "running", "exited (3)"
  std::string health;  // "", "healthy", "starting", "unhealthy"
  std::string probe;   // last output line of the health check
  std::string cpu;     // "1.25%"
  std::string memory;  // "12.3MiB / 2GiB"
  std::string ports;
  std::string container;  // its first replica
  int replicas = 0;
};

enum class UiPanel { Logs, Top, Plan, Config, Help };

// Requests that the caller carries out.
enum class UiAction { None, Quit, Restart, Stop, Start, Rebuild, Exec };

// Keys that are not characters.
inline constexpr int kKeyUp = 1000, kKeyDown = 1001, kKeyPageUp = 1002, kKeyPageDown = 1003, kKeyEscape = 27,
                     kKeyEnter = 13, kKeyBackspace = 127, kKeyInterrupt = 3;

class UiModel {
 public:
  explicit UiModel(std::string project_name) : project_(std::move(project_name)) {}

  // Keeps the selection by name.
  void set_services(std::vector<UiService> services);
  void set_panel_lines(std::vector<std::string> lines);
  // Shown in the last line until the next key.
  void set_message(std::string text) { message_ = std::move(text); }

  const UiService* selected() const;
  UiPanel panel() const { return panel_; }
  UiAction key(int key);

  // Exactly `rows` lines of at most `columns` characters, not counting escape sequences.
  std::vector<std::string> draw(size_t columns, size_t rows, bool color) const;

 private:
  UiAction search_key(int key);
  void show(UiPanel panel);
  void select(size_t index);
  std::vector<std::string> filtered_lines() const;
  std::string service_row(const UiService& service, size_t name_width) const;
  std::vector<std::string> panel_rows(size_t columns, size_t rows) const;
  std::string status_line() const;

  std::string project_;
  std::vector<UiService> services_;
  size_t selected_ = 0;
  UiPanel panel_ = UiPanel::Logs;
  std::vector<std::string> lines_;
  std::string search_;
  bool searching_ = false;  // keys extend the search text
  size_t scrolled_ = 0;     // lines above the end
  std::string message_;
};

// The next key in `bytes`, which it removes; -1 if `bytes` is empty or holds only the beginning of a key.
int take_key(std::string& bytes);

}  // namespace stack::cli
