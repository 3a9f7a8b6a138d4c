--- Why two passages are similar: a sentence and the shared words, then both passages side by side.
---
--- When the cursor is on a word, its partners on the other side are marked. The first answer has the totals of all words. The row of one
--- word is requested when the cursor rests on it; an older server sends the whole matrix instead.
local places = require('fovea.places')
local position = require('fovea.position')
local progress = require('fovea.progress')
local windows = require('fovea.compare.windows')

local M = {}

M.open = windows.open

---@class fovea.Passage a passage of a comparison
---@field text string[] as it is shown, without the common indentation
---@field sent string as it is compared; the indentation decides how a long text is divided
---@field removed integer[] bytes of indentation that each line of `text` lacks
---@field language string
---@field filetype string
---@field uri string
---@field row integer line of the document that it starts on, from zero
---@field name string

---@class fovea.Word
---@field row integer
---@field from integer
---@field stop integer row of the end
---@field to integer
---@field text string
---@field score number share of the cosine

---@class fovea.Side
---@field passage fovea.Passage
---@field words fovea.Word[]
---@field bufnr integer
---@field window integer
---@field is_weak? fovea.Weak

---@class fovea.Comparison
---@field answer table
---@field sides fovea.Side[]
---@field rows table<string, number[]> the shares of a word with each word of the other side, by side and index
---@field header integer
---@field top integer the window of the header
---@field message string
---@field details boolean
---@field origin integer the window it was opened from
---@field pending? fun() cancels the request for a row
---@field closed? boolean

---@param uri string
---@return string filetype
local function filetype(uri)
  local bufnr = vim.uri_to_bufnr(uri)
  local known = vim.api.nvim_buf_is_loaded(bufnr) and vim.bo[bufnr].filetype or ''
  return known ~= '' and known or vim.filetype.match({ filename = vim.uri_to_fname(uri) }) or ''
end

--- The text of a range, from the editor or from the file.
---@param range { uri: string, range: lsp.Range, name?: string }
---@param encoding 'utf-8'|'utf-16'|'utf-32'
---@return fovea.Passage
function M.passage(range, encoding)
  local lines = places.lines(range.uri, range.range.start.line, range.range['end'].line + 1)
  local found = filetype(range.uri)
  local sent, column = position.cut(lines, range.range, encoding)
  local text, width = position.dedent(sent, column)
  local removed = {}
  for i, line in ipairs(text) do
    removed[i] = math.min(width, #sent[i] - #line)
  end
  return {
    text = text,
    sent = table.concat(sent, '\n'),
    removed = removed,
    -- The server knows Neovim's names of languages as well as those of LSP.
    language = found ~= '' and found or 'plaintext',
    filetype = found,
    uri = range.uri,
    row = range.range.start.line,
    name = range.name or '',
  }
end

--- Asks why two passages are similar, and shows the answer. A window shows a long comparison and can cancel it.
---@param a { uri: string, range: lsp.Range, name?: string }
---@param b { uri: string, range: lsp.Range, name?: string }
---@param encoding 'utf-8'|'utf-16'|'utf-32'
function M.run(a, b, encoding)
  local left, right = M.passage(a, encoding), M.passage(b, encoding)
  local working = left.name ~= '' and right.name ~= '' and ('Comparing %s with %s …'):format(left.name, right.name)
    or 'Comparing the two passages …'
  local what = { working = working, canceled = 'Fovea: comparison canceled' }
  -- Passages are sent as text: a file may not be open, and an edit during the request must not move words.
  local passages = vim.tbl_map(require('fovea.compare.words').argument, { left, right })
  local function ask(options)
    local all = vim.list_extend(vim.list_slice(passages), { options })
    progress.run(what, 'fovea.comparePassages', all, function(err, answer)
      -- An older server accepts only two arguments and sends the whole matrix.
      if err and options and err.code == vim.lsp.protocol.ErrorCodes.InvalidParams then
        ask(nil)
      elseif err then
        vim.notify('Fovea: ' .. err.message, vim.log.levels.ERROR)
      elseif type(answer) == 'table' then
        M.open(answer, left, right)
      end
    end)
  end
  ask({ pairs = false })
end

return M
