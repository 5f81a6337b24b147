// The copy of a record that lies beside the state file, so that neither alone is the only one:
//
//   stack-record <layout> <revision> <SHA-256 of all that follows, hexadecimal>\n
//   <key, a JSON string>\n
//   <document, JSON>\n
//
// Mode 0600. Written to a sibling and renamed: a reader sees the old or the new record, never half of one.
// Not synchronized to the disk, as the state file's log is not: after a power cut either may be older.
#pragma once

#include <cstdint>
#include <string>

#include "base/json.h"
#include "base/result.h"

namespace stack::engine {

struct RecordFile {
  int layout = 0;
  int64_t revision = 0;  // grows with each write of the key
  std::string key;
  Json document;
};

// Makes the folder (mode 0700) where missing.
Result<> write_record_file(const std::string& path, const RecordFile& record);
// NotFound where there is none; Invalid where the seal does not fit.
Result<RecordFile> read_record_file(const std::string& path);

}  // namespace stack::engine
