--- Functions that describe, list, choose and open items that the server found.
---
--- Most items are in files that are not open. Such a file is loaded only when the user goes there, because loading it would open it for
--- every language server.
local position = require('fovea.position')

local M = {}

---@class fovea.Similar
---@field uri string
---@field range lsp.Range
---@field selection lsp.Range
---@field name string
---@field container? string the type or function that contains it
---@field kind string
---@field language string
---@field score number
---@field store? { folder: string, path: string } the location in a team's store, if the item is not on this machine

--- The lines of a document from the editor or the file; none if the file cannot be read.
---@param uri string
---@param first integer zero-based
---@param last integer zero-based, exclusive
---@return string[]
function M.lines(uri, first, last)
  local bufnr = vim.uri_to_bufnr(uri)
  if vim.api.nvim_buf_is_loaded(bufnr) then
    return vim.api.nvim_buf_get_lines(bufnr, first, last, false)
  end
  local ok, lines = pcall(vim.fn.readfile, vim.uri_to_fname(uri), '', last)
  if not ok then
    return {}
  end
  return vim.tbl_map(function(line)
    return (line:gsub('\r$', ''))
  end, vim.list_slice(lines, first + 1, last))
end

---@param uri string
---@return string
function M.path(uri)
  if not vim.startswith(uri, 'file:') then
    return (uri:gsub('^untitled:', ''))
  end
  return vim.fn.fnamemodify(vim.uri_to_fname(uri), ':~:.')
end

--- Its name, with the type or function that contains it: `put in Session`.
---@param item fovea.Similar
---@return string
local function named(item)
  return item.container and ('%s in %s'):format(item.name, item.container) or item.name
end

---@param item fovea.Similar
---@return string
function M.describe(item)
  local path = item.store and ('%s: %s'):format(item.store.folder, item.store.path) or M.path(item.uri)
  return ('≈ %.2f %s · %s:%d'):format(item.score, named(item), path, item.selection.start.line + 1)
end

--- Goes to an item. For an item in a store, opens its web page if there is one.
---@param item fovea.Similar
---@param encoding 'utf-8'|'utf-16'|'utf-32'
function M.jump(item, encoding)
  if item.store and item.uri:match('^https?:') then
    vim.ui.open(item.uri)
    return
  elseif item.store then
    vim.notify('Fovea: ' .. M.describe(item))
    return
  end
  -- show_document sets a mark in the jumplist, so CTRL-O goes back.
  vim.lsp.util.show_document({ uri = item.uri, range = item.selection }, encoding, { focus = true, reuse_win = false })
end

--- A line of the location list; an item of a store has no file to go to.
---@param item fovea.Similar
---@param encoding 'utf-8'|'utf-16'|'utf-32'
---@return vim.quickfix.entry
local function entry(item, encoding)
  if item.store then
    return { text = M.describe(item), valid = 0 }
  end
  local start, stop = item.selection.start, item.selection['end']
  local line = M.lines(item.uri, start.line, start.line + 1)[1] or ''
  return {
    filename = vim.uri_to_fname(item.uri),
    lnum = start.line + 1,
    col = position.byte(line, start.character, encoding) + 1,
    end_lnum = stop.line + 1,
    end_col = stop.line == start.line and position.byte(line, stop.character, encoding) + 1 or nil,
    -- The list shows the file name itself.
    text = ('≈ %.2f %s'):format(item.score, named(item)),
  }
end

--- Puts the items into the location list of the current window.
---@param title string
---@param items fovea.Similar[]
---@param encoding 'utf-8'|'utf-16'|'utf-32'
---@param open? boolean shows the list, with the cursor in it
function M.list(title, items, encoding, open)
  local entries = vim.tbl_map(function(item)
    return entry(item, encoding)
  end, items)
  vim.fn.setloclist(0, {}, ' ', { title = title, items = entries, context = { fovea = items } })
  if open then
    vim.cmd(('botright lopen %d'):format(math.max(1, math.min(#items, 12))))
  end
end

--- Lets the user choose an item, and goes there.
---@param title string
---@param items fovea.Similar[]
---@param encoding 'utf-8'|'utf-16'|'utf-32'
function M.choose(title, items, encoding)
  vim.ui.select(items, { prompt = title, kind = 'fovea', format_item = M.describe }, function(choice)
    if choice then
      M.jump(choice, encoding)
    end
  end)
end

return M
