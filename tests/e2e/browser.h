// Chromium without a screen, controlled over its debugging pipe (Chrome DevTools Protocol: one JSON object and a NUL byte per
// message).
#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/json.h"

namespace stack::e2e {

class Browser {
 public:
  // The program, or "" if it is not installed.
  static std::string program();
  // Starts with an empty profile in this folder.
  explicit Browser(const std::string& folder);
  // Ends it.
  ~Browser();
  Browser(const Browser&) = delete;
  Browser& operator=(const Browser&) = delete;

  void open(const std::string& url);
  // The value of a JavaScript expression, awaited if it is a promise; the text of an exception.
  Json evaluate(const std::string& expression);
  // Waits until the expression is true; prints the page's text if it does not become true.
  bool shows(const std::string& expression, std::chrono::milliseconds within);
  // Writes what the page looks like as a PNG file.
  void screenshot(const std::string& file);
  // Exceptions and console errors of all pages so far, such as violations of the content security policy.
  const std::vector<std::string>& errors() const { return errors_; }

 private:
  Json call(const std::string& method, Json params);
  Json receive();
  void note(const Json& event);

  Fd commands_;
  Fd events_;
  std::string received_;
  pid_t pid_ = -1;
  int next_ = 1;
  std::string session_;
  std::vector<std::string> errors_;
};

}  // namespace stack::e2e
