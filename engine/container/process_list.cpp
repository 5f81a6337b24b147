#include "engine/container/process_list.h"

#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <optional>

#include "base/files.h"
#include "base/process.h"
#include "base/text.h"

namespace stack::engine {

namespace {

std::vector<std::string> words_of(const std::string& line) {
  std::vector<std::string> words;
  std::string word;
  for (char c : line + " ") {
    if (c != ' ' && c != '\t') {
      word += c;
    } else if (!word.empty()) {
      words.push_back(std::exchange(word, {}));
    }
  }
  return words;
}

std::string clock_text(int64_t seconds) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%02d:%02d:%02d", static_cast<int>(seconds / 3600),
                static_cast<int>(seconds / 60 % 60), static_cast<int>(seconds % 60));
  return text.data();
}

// "14:05" if today, otherwise "Nov28".
std::string start_text(std::time_t started, std::time_t now) {
  std::tm begin{};
  std::tm today{};
  ::localtime_r(&started, &begin);
  ::localtime_r(&now, &today);
  bool same_day = begin.tm_year == today.tm_year && begin.tm_yday == today.tm_yday;
  std::array<char, 16> text{};
  std::strftime(text.data(), text.size(), same_day ? "%H:%M" : "%b%d", &begin);
  return text.data();
}

std::string terminal_text(int64_t device) {
  if (device == 0) return "?";
  auto number = static_cast<dev_t>(device);
  if (major(number) >= 136 && major(number) <= 143)
    return "pts/" + std::to_string((major(number) - 136) * 256 + minor(number));
  return "?";
}

std::string user_text(const std::string& status) {
  size_t at = status.find("\nUid:\t");
  if (at == std::string::npos) return "0";
  return status.substr(at + 6, status.find('\t', at + 6) - at - 6);
}

// Fields of /proc/<pid>/stat after the name, which may contain any characters; the first is "state".
struct Stat {
  std::string name;
  std::vector<std::string> fields;
  int64_t number(size_t field) const {  // numbered as in proc(5)
    return field - 3 < fields.size() ? std::atoll(fields[field - 3].c_str()) : 0;
  }
};

std::optional<Stat> parse_stat(const std::string& text) {
  size_t open = text.find('(');
  size_t close = text.rfind(')');
  if (open == std::string::npos || close == std::string::npos || close + 2 > text.size()) return std::nullopt;
  return Stat{text.substr(open + 1, close - open - 1), split(std::string_view(text).substr(close + 2), ' ')};
}

}  // namespace

Json list_processes(std::vector<pid_t> pids) {
  Json rows = Json::array();
  std::sort(pids.begin(), pids.end());
  long ticks = ::sysconf(_SC_CLK_TCK);
  double uptime = std::strtod(read_file("/proc/uptime").value_or("0").c_str(), nullptr);
  std::time_t now = std::time(nullptr);
  for (pid_t pid : pids) {
    std::string folder = "/proc/" + std::to_string(pid);
    Result<std::string> stat_file = read_file(folder + "/stat");
    Result<std::string> command = read_file(folder + "/cmdline");
    Result<std::string> status = read_file(folder + "/status");
    std::optional<Stat> stat = stat_file ? parse_stat(*stat_file) : std::nullopt;
    if (!stat || !command || !status) continue;  // it has exited
    std::replace(command->begin(), command->end(), '\0', ' ');
    if (command->empty()) *command = "[" + stat->name + "]";
    int64_t cpu = (stat->number(14) + stat->number(15)) / ticks;
    double age = uptime - static_cast<double>(stat->number(22)) / static_cast<double>(ticks);
    int share = age > 0 ? static_cast<int>(std::min(99.0, static_cast<double>(cpu) * 100 / age)) : 0;
    rows.push_back({user_text(*status), std::to_string(pid), std::to_string(stat->number(4)),
                    std::to_string(share), start_text(now - static_cast<std::time_t>(age), now),
                    terminal_text(stat->number(7)), clock_text(cpu), std::string(trim(*command))});
  }
  return {{"Titles", {"UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"}}, {"Processes", rows}};
}

Result<Json> parse_ps(const std::string& output, const std::vector<pid_t>& pids) {
  std::vector<std::string> lines = split(output, '\n');
  std::vector<std::string> titles = words_of(lines[0]);
  auto column = std::find(titles.begin(), titles.end(), "PID");
  if (column == titles.end()) return invalid("Couldn't find PID field in ps output");
  auto at = static_cast<size_t>(column - titles.begin());
  Json rows = Json::array();
  for (size_t i = 1; i < lines.size(); ++i) {
    std::vector<std::string> words = words_of(lines[i]);
    if (words.size() <= at || !is_all_digits(words[at]) || words[at].size() > 9) continue;
    if (std::find(pids.begin(), pids.end(), std::stoi(words[at])) == pids.end()) continue;
    // Words beyond the number of titles belong to the last column: a command with its arguments.
    if (words.size() > titles.size()) {
      std::vector<std::string> rest(words.begin() + static_cast<std::ptrdiff_t>(titles.size()) - 1,
                                    words.end());
      words.resize(titles.size() - 1);
      words.push_back(join(rest, " "));
    }
    rows.push_back(words);
  }
  return Json{{"Titles", titles}, {"Processes", rows}};
}

Result<Json> run_ps(const std::string& options, const std::vector<pid_t>& pids) {
  SpawnRequest request;
  request.program = "ps";
  request.args = words_of(options);
  Result<CapturedRun> ran = run_captured(std::move(request));
  if (!ran) return std::move(ran).error().in("ps");
  if (ran->exit_code != 0)
    return invalid("ps: " + std::string(trim(ran->output.substr(0, ran->output.find("\n\n")))));
  return parse_ps(ran->output, pids);
}

}  // namespace stack::engine
