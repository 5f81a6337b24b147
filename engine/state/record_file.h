// A copy of a record next to the state file, for redundancy:
//
//   stack-record <layout> <revision> <SHA-256 of all that follows, hexadecimal>\n
//   <key, a JSON string>\n
//   <document, JSON>\n
//
// Mode 0600. Written to a temporary file and renamed, so that readers see either the old or the new record. Not
// synchronized to disk, like the state file's log: after a power cut, either may be older.
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

// Creates the folder (mode 0700) if it is missing.
Result<> write_record_file(const std::string& path, const RecordFile& record);
// Removes the temporary files that a killed engine left in this folder.
void sweep_unfinished_records(const std::string& folder);
// NotFound if there is no file; Invalid if the checksum does not match.
Result<RecordFile> read_record_file(const std::string& path);

}  // namespace stack::engine
