// Builds in the words of the classic builder on stdout ("Step 2/3 : RUN make"), as docker-compose 1.x prints them and scripts search
// for them; everything else as plain progress. The lines of each image stay together: those of the second image and later ones are
// printed when its build ends.
#pragma once

#include <map>
#include <mutex>
#include <string>

#include "cli/render/progress/plain_progress.h"

namespace stack::cli {

class ClassicBuildProgress : public Progress {
 public:
  explicit ClassicBuildProgress(const ProgressStyle& style) : others_(style) {}
  void event(const Json& line) override;
  void finish() override;
  void restart() override;
  void write(int fd, std::string_view text) override { others_.write(fd, text); }

 private:
  void add_plan(const Json& line);
  void show_build(const Json& line);
  void end_build(const Json& line);
  void put(const std::string& service, const std::string& text);
  void release(const std::string& service);

  PlainProgress others_;
  std::mutex mutex_;
  std::map<int64_t, Json> builds_;                 // the plan's build actions, by id
  std::map<std::string, std::string> held_lines_;  // by service
  std::string shown_service_;                      // whose lines are printed at once
};

// The classic builder's lines for a "build" event; "" if there is none.
std::string classic_build_text(const Json& line);

}  // namespace stack::cli
