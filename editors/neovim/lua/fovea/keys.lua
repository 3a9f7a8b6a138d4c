--- Keys for the most frequent actions: search, similar, compare. They extend Neovim's `gr…` keys for language servers.
local config = require('fovea.config')

local M = {}

---@type { name: string, key: string, modes: string[], command: string, desc: string }[]
M.all = {
  { name = 'search', key = 'grs', modes = { 'n' }, command = 'FoveaSearch', desc = 'Fovea: search by meaning' },
  { name = 'similar', key = 'grm', modes = { 'n' }, command = 'FoveaSimilar', desc = 'Fovea: go to more like this' },
  { name = 'compare', key = 'grc', modes = { 'n', 'x' }, command = 'FoveaCompare', desc = 'Fovea: say why two items are similar' },
}

---@param name string
---@return string
local function plug(name)
  return ('<Plug>(fovea-%s)'):format(name)
end

--- Defines `<Plug>(fovea-search)` and the others, for mappings of the user.
function M.define()
  for _, one in ipairs(M.all) do
    vim.keymap.set('n', plug(one.name), ('<Cmd>%s<CR>'):format(one.command), { desc = one.desc })
    if vim.list_contains(one.modes, 'x') then
      -- `:` inserts the range of the selection.
      vim.keymap.set('x', plug(one.name), (':%s<CR>'):format(one.command), { desc = one.desc, silent = true })
    end
  end
end

--- The key of an action, or nil.
---@param name string
---@return string?
function M.key(name)
  local keys = config.options.keys
  if keys == false then
    return nil
  end
  for _, one in ipairs(M.all) do
    if one.name == name then
      local key = keys[name]
      if key == nil then
        key = one.key
      end
      return key or nil
    end
  end
end

--- Maps the keys in a buffer, unless they are already mapped.
---@param bufnr integer
function M.attach(bufnr)
  for _, one in ipairs(M.all) do
    local key = M.key(one.name)
    for _, mode in ipairs(key and one.modes or {}) do
      local taken = vim.api.nvim_buf_call(bufnr, function()
        return vim.fn.maparg(key, mode) ~= '' or vim.fn.hasmapto(plug(one.name), mode) == 1
      end)
      if not taken then
        vim.keymap.set(mode, key, plug(one.name), { buffer = bufnr, remap = true, desc = one.desc })
      end
    end
  end
end

return M
