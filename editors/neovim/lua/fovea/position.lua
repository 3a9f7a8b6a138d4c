--- Converts positions from the negotiated encoding to bytes of a line.
local M = {}

local modern = vim.fn.has('nvim-0.11') == 1

--- The byte column of an LSP character, at most the line's end.
---@param line string
---@param character integer
---@param encoding 'utf-8'|'utf-16'|'utf-32'
---@return integer
function M.byte(line, character, encoding)
  if encoding == 'utf-8' or not line:find('[\128-\255]') then
    return math.min(character, #line)
  end
  if modern then
    return vim.str_byteindex(line, encoding, character, false)
  end
  -- 0.10 raises an error for an index past the end.
  local ok, byte = pcall(vim.str_byteindex, line, character, encoding == 'utf-16')
  return ok and byte or #line
end

--- The LSP range of some lines, end exclusive.
---@param first integer zero-based
---@param last integer zero-based, exclusive
---@return lsp.Range
function M.lines(first, last)
  return { start = { line = first, character = 0 }, ['end'] = { line = last, character = 0 } }
end

--- The text of a range, including the spaces before it if nothing else is before it on its line.
---@param lines string[] the lines that the range touches
---@param range lsp.Range
---@param encoding 'utf-8'|'utf-16'|'utf-32'
---@return string[] text
---@return integer column byte of the first line where the text starts
function M.cut(lines, range, encoding)
  local text = vim.list_slice(lines, 1, range['end'].line - range.start.line + 1)
  if #text == 0 then
    return {}, 0
  end
  -- An end at the start of a line means the end of the previous line.
  if range['end'].character == 0 and #text > 1 and #text > range['end'].line - range.start.line then
    table.remove(text)
  elseif #text > range['end'].line - range.start.line then
    text[#text] = text[#text]:sub(1, M.byte(text[#text], range['end'].character, encoding))
  end
  local column = M.byte(text[1], range.start.character, encoding)
  if not text[1]:sub(1, column):find('%S') then
    column = 0
  end
  text[1] = text[1]:sub(column + 1)
  return text, column
end

--- Removes the common indentation of all lines.
---@param lines string[]
---@param column integer byte of the first line where the text starts: above 0, the indentation of the first line does not count
---@return string[] text
---@return integer bytes taken from each line, less from blank ones
function M.dedent(lines, column)
  local common
  for i, line in ipairs(lines) do
    local indent = line:match('^[ \t]*')
    if (i > 1 or column == 0) and #indent < #line then
      while common and indent:sub(1, #common) ~= common do
        common = common:sub(1, -2)
      end
      common = common or indent
    end
  end
  local width = #(common or '')
  local text = {}
  for i, line in ipairs(lines) do
    text[i] = (i == 1 and column > 0) and line or line:sub(width + 1)
  end
  return text, width
end

--- The range of a user command: its lines, or the last visual selection if the range came from it.
---@param command { line1: integer, line2: integer, range: integer }
---@param client vim.lsp.Client
---@return lsp.Range
function M.command_range(command, client)
  local from, to = vim.fn.getpos("'<"), vim.fn.getpos("'>")
  local visual = command.range == 2 and from[2] == command.line1 and to[2] == command.line2 and vim.fn.visualmode() == 'v'
  if not visual then
    return M.lines(command.line1 - 1, command.line2)
  end
  return vim.lsp.util.make_given_range_params(
    { from[2], from[3] - 1 },
    -- The end of a selection is the last byte of a character; for a selection to the end of the line, it is huge.
    { to[2], math.min(to[3] - 1, math.max(#vim.fn.getline(to[2]) - 1, 0)) },
    0,
    client.offset_encoding
  ).range
end

return M
