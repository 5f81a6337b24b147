// The last step of a container's life: its record and everything that belongs only to it are removed.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <utility>

#include "engine/container/container_facts.h"
#include "engine/container/container_volumes.h"

namespace stack::engine {

class ContainerRemoval {
 public:
  ContainerRemoval(Context& context, ContainerParts& parts, const ContainerFacts& facts,
                   const ContainerVolumes& volumes)
      : context_(context), parts_(parts), facts_(facts), volumes_(volumes) {}

  // Requires that no process runs. Continues after failures.
  Task<> discard(ContainerPtr container);
  // For clients that waited for the exit of a container when their engine died. Only the most recent containers with
  // `--rm` are remembered, also by the next engine.
  std::optional<int> exit_code_of(const std::string& id) const;
  // Reads what earlier engines remembered.
  void load();

 private:
  void remember(const Container& container);
  // Keeps only what is remembered, once the file has twice as many lines.
  void shorten_file();

  Context& context_;
  ContainerParts& parts_;
  const ContainerFacts& facts_;
  const ContainerVolumes& volumes_;
  std::deque<std::pair<std::string, int>> removed_;  // IDs and exit codes
  size_t lines_ = 0;                                 // of their file
};

}  // namespace stack::engine
