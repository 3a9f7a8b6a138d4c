--- The meaning of the colors in a small float, and a hint about it at the first start.
local keys = require('fovea.keys')

local M = {}

local namespace = vim.api.nvim_create_namespace('fovea_legend')

---@return string[][] lines, each a sample word, its group and its meaning
local function rows()
  local status = require('fovea.status').get() or {}
  local preset = status.preset or (status.heat == false and 'off' or nil)
  local all = {
    { ' telling ', 'FoveaHeat3', 'the words that say most about their function or paragraph' },
    { ' telling ', 'FoveaHeat2', 'words that say more than the average' },
    { ' telling ', 'FoveaHeat1', 'average words (only with `:Fovea heat full`)' },
    { ' source  ', 'FoveaDrawsStrong', 'what the word under the cursor draws on most' },
    { ' source  ', 'FoveaDrawsWeak', 'what it draws on a little' },
    { ' unread  ', 'FoveaUnread', 'the model cannot read this text' },
  }
  if preset ~= nil and preset ~= 'full' then
    table.remove(all, 3)
  end
  return all
end

---@return string[]
local function advice()
  local lines = { '', 'Colors  :Fovea heat quiet, full or off', 'Word    K explains it, :Fovea why shows the numbers' }
  local find = {}
  for _, one in ipairs(keys.all) do
    local key = keys.key(one.name)
    table.insert(find, ('%s %s'):format(key or ':' .. one.command, one.name))
  end
  table.insert(lines, 'Find    ' .. table.concat(find, ', '))
  table.insert(lines, 'Help    :h fovea')
  return lines
end

--- Shows the legend. The float closes when the cursor moves.
function M.open()
  local lines, samples = {}, rows()
  for _, row in ipairs(samples) do
    table.insert(lines, ('%s  %s'):format(row[1], row[3]))
  end
  vim.list_extend(lines, advice())
  local bufnr = require('fovea.panel').open(lines, ' Fovea ')
  for i, row in ipairs(samples) do
    vim.api.nvim_buf_set_extmark(bufnr, namespace, i - 1, 0, { end_col = #row[1], hl_group = row[2] })
  end
  return bufnr
end

---@return string
local function marker()
  return vim.fn.stdpath('state') .. '/fovea/hinted'
end

--- Shows a new user once where the colors are explained.
function M.hint()
  local file = marker()
  if vim.uv.fs_stat(file) then
    return
  end
  -- The file is written first: if the folder is not writable, the hint must not appear at each start.
  vim.fn.mkdir(vim.fs.dirname(file), 'p')
  if not pcall(vim.fn.writefile, { 'The hint of the first start was shown.' }, file) then
    return
  end
  -- The text is short, so that it fits into the last line of a narrow terminal.
  vim.notify('Fovea: `:Fovea legend` explains the colors, `:h fovea` the rest.')
end

return M
